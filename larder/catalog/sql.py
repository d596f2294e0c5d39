"""The catalogue's hand-written SQL, with the plans that it relies on.

Tests compare it with the ORM: OFFERS in tests/catalog/test_sql.py, storing a file in
test_product_import.py.
"""

from collections.abc import Iterable

from larder.catalog.fields import FIELDS

OFFERS = """
SELECT id, sku, name, price, min_quantity, max_per_order, step, tax_rate FROM product
WHERE id = ANY((SELECT %s::bigint[])::bigint[]) AND archived_at IS NULL
"""
"""Index scans of product_pkey. With one array for any number of products it is one prepared
statement; the ORM's IN list is another statement for each number. The docstring of
larder/inventory/sql.py says why the array is in a subselect."""

IDS_BY_SKU = """
SELECT given.sku, product.id
FROM unnest((SELECT %s::text[])::text[]) AS given (sku)
JOIN product ON fold(product.sku) = fold(given.sku)
"""
"""Plan: for each SKU a lookup in product_sku_unique."""

LOCK_NAME = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))"
"""Held until the transaction ends, by transactions that need a unique product name. Two names with
the same hash only wait for each other. 7 separates these hashes from those of other texts."""

ONE_CATEGORY = "SELECT pg_advisory_xact_lock(7, 2)"
"""One new category at a time: each is counted before the next one is added."""

# --- Pictures (larder/catalog/services/stored_pictures.py) ----------------------------------------
PICTURE_KEY_LENGTH = 64
PICTURE_KEY = "/([0-9a-f]{64})(?:-[0-9]+)?[.]webp$"
"""The key of a picture that was uploaded, in the address of the picture or of its thumbnail."""

_HAS_PRODUCT = f"""EXISTS (
    SELECT FROM product WHERE image_url > '' AND substring(image_url, '{PICTURE_KEY}') = picture.key
)"""
"""Index scan of product_by_picture."""

MARK_PICTURES = f"""
WITH part AS MATERIALIZED (
    SELECT key, {_HAS_PRODUCT} AS is_used FROM picture WHERE key > %s ORDER BY key LIMIT %s
), marked AS (
    UPDATE picture SET unused_since = CASE WHEN is_used THEN NULL ELSE %s END
    FROM part WHERE part.key = picture.key AND is_used = (unused_since IS NOT NULL)
)
SELECT max(key) FROM part HAVING count(*) > 0
"""
"""Index scan of picture_pkey from the last key of the part before."""

ADD_PICTURE = """
INSERT INTO picture (key, unused_since) VALUES (%s, %s) ON CONFLICT (key)
DO UPDATE SET unused_since = excluded.unused_since WHERE picture.deleting_at IS NULL RETURNING key
"""
"""Returns no row for a picture that is being deleted."""

DELETE_PICTURE = f"""
UPDATE picture SET deleting_at = %s
WHERE key = %s AND unused_since < %s AND NOT {_HAS_PRODUCT} RETURNING key
"""
"""Compared again under the lock of the row: the picture may have been uploaded again meanwhile."""

# --- A file of products (larder/catalog/services/product_import.py) -------------------------------
ONE_FILE = "SELECT pg_advisory_xact_lock(7, 1)"
"""One file at a time: two concurrent files would wait for each other's new SKUs row by row."""

FOLDED = """
SELECT fold(sku) FROM unnest(%s::text[]) WITH ORDINALITY AS file (sku, place) ORDER BY place
"""

CATEGORIES = "SELECT id FROM category ORDER BY id"
KEPT_CATEGORIES = f"{CATEGORIES} FOR KEY SHARE"


def products_of(columns: Iterable[str]) -> str:
    """Returns the statement that reads these columns of products, by id: a lookup in product_pkey
    for each."""
    return f"SELECT {', '.join(columns)} FROM product WHERE id = ANY(%s::bigint[]) ORDER BY id"


LOCKING = " FOR NO KEY UPDATE"
"""Locks products in the order of ids. Orders can still refer to them."""

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


REVIVE = """
UPDATE product SET archived_at = NULL, updated_at = %s, version = version + 1
WHERE id = ANY(%s::bigint[])
"""
