"""The catalogue: products, categories, prices."""

__all__ = [
    "category_names",
    "compaction",
    "errors",
    "fields",
    "pictures",
    "prices",
    "product_import",
    "product_rows",
    "queries",
    "search",
    "services",
    "spelling",
    "stored_pictures",
]
