"""All writes of the catalogue, one file for each group of use cases."""

__all__ = [
    "categories",
    "prices",
    "product_import",
    "products",
    "stored_pictures",
]
