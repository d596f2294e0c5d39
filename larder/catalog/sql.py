"""The catalogue's hand-written SQL, with the plans that it relies on.

Tests compare it with the ORM: OFFERS in tests/catalog/test_sql.py, storing a file in
test_product_import.py.
"""

from collections.abc import Iterable

from larder.catalog.fields import FIELDS

OFFERS = """
SELECT {} FROM product
WHERE id = ANY((SELECT %s::bigint[])::bigint[]) AND archived_at IS NULL
"""
"""Index scans of product_pkey. With one array for any number of products it is one prepared
statement; the ORM's IN list is another statement for each number. The docstring of
larder/inventory/sql.py says why the array is in a subselect."""

IDS_BY_SKU = """
SELECT requested.sku, product.id
FROM unnest((SELECT %s::text[])::text[]) AS requested (sku)
JOIN product ON fold(product.sku) = fold(requested.sku)
"""
"""Plan: for each SKU a lookup in product_sku_unique."""

LOCK_NAME = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))"
"""Held until the transaction ends, by transactions that need a unique product name. Two names with
the same hash only wait for each other. 7 separates these hashes from those of other texts."""

ONE_CATEGORY = "SELECT pg_advisory_xact_lock(7, 2)"
"""One new category at a time: each is counted before the next one is added."""

# --- A file of products (larder/catalog/services/product_import.py) -------------------------------
ONE_FILE = "SELECT pg_advisory_xact_lock(7, 1)"
"""One file at a time: two concurrent files would wait for each other's new SKUs row by row."""

FOLDED = """
SELECT fold(sku) FROM unnest(%s::text[]) WITH ORDINALITY AS file (sku, place) ORDER BY place
"""


_NEW = ", ".join(
    ("public_id", *(field.column for field in FIELDS), "created_at", "updated_at", "version")
)
ADD_PRODUCTS = f"""
INSERT INTO product ({_NEW}) SELECT {_NEW} FROM json_populate_recordset(NULL::product, %s::json)
ON CONFLICT DO NOTHING RETURNING sku, id
"""


def change_products(columns: Iterable[str]) -> str:
    """Returns the statement that writes these columns of products, which are locked. Plan: a lookup
    in product_pkey for each."""
    changes = ", ".join(f"{name} = changed.{name}" for name in columns)
    return f"""
UPDATE product SET {changes}, updated_at = %s, version = product.version + 1
FROM json_populate_recordset(NULL::product, %s::json) AS changed WHERE product.id = changed.id
"""
