"""The catalogue: products, categories, prices."""

__all__ = [
    "errors",
    "fields",
    "prices",
    "product_rows",
    "queries",
    "search",
    "services",
    "tables",
]
