"""All writes of inventory. Only `movements.move` writes stock and the ledger."""
