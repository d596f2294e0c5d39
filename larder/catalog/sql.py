"""The catalogue's hand-written SQL, and the plans it relies on.

Compared with plain ORM versions: OFFERS in tests/catalog/test_sql.py, storing a file in
test_product_import.py, COMPACT with what every reader has to be told in test_compaction.py.
"""

from collections.abc import Collection

from larder.catalog.fields import IN_FILES

OFFERS = """
SELECT id, sku, name, price, min_quantity, max_per_order, step FROM product
WHERE id = ANY((SELECT %s::bigint[])::bigint[]) AND archived_at IS NULL
"""
"""Index scans of product_pkey. One array for any number of products keeps it one prepared
statement; the ORM's IN list would be another one for each number, compiled each time. Why the
array is hidden, larder/inventory/sql.py tells."""

LOCK_NAME = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))"
"""Held until the transaction ends, by whoever wants a name of its own for a product. Two names of
one hash only wait for each other. 7 keeps these hashes apart from those of other texts."""

# --- A file of products (larder/catalog/product_import.py) ---------------------------------
ONE_FILE = "SELECT pg_advisory_xact_lock(7, 1)"
"""One file after the other: two at once would wait for each other's new SKUs row by row."""

STAGE = f"""
CREATE TEMPORARY TABLE product_file (
    line int PRIMARY KEY, public_id uuid,
    {", ".join(f"{one.name} {one.kind.sql}" for one in IN_FILES)}, quantity int
) ON COMMIT DROP
"""
COPY = "COPY product_file FROM STDIN"
LOOK_AT_STAGE = "ANALYZE product_file"
UNSTAGE = "DROP TABLE product_file"

LOCK_CATEGORIES = """
SELECT count(*) FROM (
    SELECT id FROM category WHERE id IN (SELECT category FROM product_file)
    ORDER BY id FOR KEY SHARE
) AS locked
"""
LOCK_KNOWN = """
SELECT count(*) FROM (
    SELECT product.id FROM product JOIN product_file USING (sku)
    ORDER BY product.id FOR NO KEY UPDATE OF product
) AS locked
"""
"""In the order of ids, before anything is looked at. Orders refer to locked products as before."""

DUPLICATES = """
SELECT line, first FROM (
    SELECT line, min(line) OVER (PARTITION BY sku) AS first FROM product_file
) AS numbered
WHERE line > first ORDER BY line LIMIT %s
"""
NO_CATEGORY = """
SELECT line FROM product_file
WHERE category IS NOT NULL AND NOT EXISTS (SELECT FROM category WHERE id = product_file.category)
ORDER BY line LIMIT %s
"""
ARCHIVED = """
SELECT product.id FROM product JOIN product_file USING (sku)
WHERE product.archived_at IS NOT NULL ORDER BY product.id
"""
REVIVE = """
UPDATE product SET archived_at = NULL, updated_at = %s, version = version + 1
WHERE id = ANY(%s::bigint[])
"""
PARTS = """
SELECT min(line), max(line), count(*) FROM (
    SELECT line, (row_number() OVER (ORDER BY line) - 1) / %s AS part FROM product_file
) AS numbered
GROUP BY part ORDER BY part
"""


def broken_rules(given: Collection[str]) -> str:
    """The lines whose rules contradict each other, together with what a known product has in
    the columns that the file leaves out; and whether no step could mend it."""
    least, most, step = (
        f"file.{rule}"
        if rule in given
        else f"CASE WHEN product.id IS NULL THEN file.{rule} ELSE product.{rule} END"
        for rule in ("min_quantity", "max_per_order", "step")
    )
    return f"""
SELECT line, most < least FROM (
    SELECT line, {least} AS least, {most} AS most, {step} AS step
    FROM product_file AS file LEFT JOIN product USING (sku)
) AS rules
WHERE most / step * step < least ORDER BY line LIMIT %s
"""


_NEW = ", ".join(one.column for one in IN_FILES)
_STAGED = ", ".join(one.name for one in IN_FILES)
_CHANGED = {one.name: one.column for one in IN_FILES if one.name != "sku"}
_ROWS = ("product", "excluded")


def upsert(given: Collection[str]) -> str:
    """Stores a part of the file: new products, and changes of known ones in the columns that the
    file has. Answers with id, whether it is new, and opening stock; what is so already, is left
    as it is and not answered.

    One walk of the part by its lines, sorted by SKU, and one look into product_sku for each row.
    """
    columns = [_CHANGED[name] for name in given if name in _CHANGED]
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns)
    known, wanted = (", ".join(f"{row}.{name}" for name in columns) for row in _ROWS)
    return f"""
WITH written AS (
    INSERT INTO product (public_id, {_NEW}, created_at, updated_at, version)
    SELECT public_id, {_STAGED}, %s, %s, 1 FROM product_file
    WHERE line BETWEEN %s AND %s ORDER BY sku
    ON CONFLICT (sku) DO UPDATE
    SET {changes}, updated_at = excluded.updated_at, version = product.version + 1
    WHERE ({known}) IS DISTINCT FROM ({wanted})
    RETURNING id, sku, xmax = 0 AS is_new
)
SELECT written.id, is_new, product_file.quantity FROM written JOIN product_file USING (sku)
"""


# --- The feed (larder/catalog/compaction.py) -----------------------------------------------
COMPACT = """
WITH part AS MATERIALIZED (
    SELECT transaction_id, position, product_id FROM product_change
    WHERE (transaction_id, position) > (%s::text::xid8, %s)
      AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY transaction_id, position LIMIT %s
), deleted AS (
    DELETE FROM product_change WHERE position IN (
        SELECT position FROM part WHERE (transaction_id, position) < (
            SELECT last.transaction_id, last.position FROM product_change AS last
            WHERE last.product_id = part.product_id
              AND last.transaction_id < pg_snapshot_xmin(pg_current_snapshot())
            ORDER BY last.transaction_id DESC, last.position DESC LIMIT 1
        )
    ) RETURNING position
)
SELECT transaction_id::text, position, (SELECT count(*) FROM deleted) FROM part
ORDER BY part.transaction_id DESC, part.position DESC LIMIT 1
"""
"""A range of product_change_feed, one look into product_change_of for each of its rows, and one
into the primary key for each that goes: a part costs the same however long the feed is."""
