"""Every write of inventory. Only `movements.move` writes stock, and the ledger with it."""
