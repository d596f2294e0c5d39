"""All writes of the catalogue, one file for each group of use cases."""

__all__ = [
    "categories",
    "product_import",
    "products",
    "stored_pictures",
]
