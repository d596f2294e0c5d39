"""Reads of the catalogue for other modules. They return plain data, not models."""

from larder.catalog.queries.category_tree import (
    CategoryRow,
    categories,
    category,
    category_names,
)
from larder.catalog.queries.products import (
    Offer,
    ids_by_code,
    ids_by_public_id,
    ids_by_sku,
    internal_fields,
    offers,
    public_ids,
    submit_offers,
)

__all__ = [
    "CategoryRow",
    "Offer",
    "categories",
    "category",
    "category_names",
    "ids_by_code",
    "ids_by_public_id",
    "ids_by_sku",
    "internal_fields",
    "offers",
    "public_ids",
    "submit_offers",
]
