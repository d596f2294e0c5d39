"""The catalogue: products, categories, prices."""

__all__ = [
    "barcodes",
    "category_names",
    "errors",
    "fields",
    "pictures",
    "prices",
    "product_rows",
    "queries",
    "search",
    "services",
    "tables",
]
