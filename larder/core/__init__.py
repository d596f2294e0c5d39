"""Pure Python for all modules, without a database: errors, limits, ids, money, queues."""
