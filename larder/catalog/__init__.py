"""The catalogue: products, categories, prices."""

__all__ = [
    "compaction",
    "errors",
    "fields",
    "prices",
    "product_import",
    "product_rows",
    "queries",
    "search",
    "services",
]
