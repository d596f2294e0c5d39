"""All writes of inventory. Only `movements.move` writes stock and the ledger."""

__all__ = [
    "adjustments",
    "counts",
    "import_products",
    "movements",
    "products",
]
