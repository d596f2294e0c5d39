"""Pure Python that every module may use: errors, limits, ids, money, queues. No database."""
