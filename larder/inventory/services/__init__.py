"""Every write of inventory. Only `movements.move` writes stock, and the ledger with it."""

__all__ = ["adjustments", "import_products", "locks", "movements", "products"]
