"""The catalogue: products, categories, prices."""

__all__ = [
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
