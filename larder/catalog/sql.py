"""The catalogue's hand-written SQL, with the plans that it relies on.

Tests compare it with the ORM: OFFERS in tests/catalog/test_sql.py, storing a file in
test_product_import.py. test_import_sql.py compares the checks of a file with a loop over its lines,
and looks at the plans of both.
"""

from collections.abc import Collection

from larder.catalog.fields import IN_FILES, REQUIRED

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

STAGE = f"""
CREATE TEMPORARY TABLE product_file (
    line int PRIMARY KEY, public_id uuid,
    {", ".join(f"{field.name} {field.kind.sql}" for field in IN_FILES)}, quantity int,
    stays_archived boolean
) ON COMMIT DROP
"""
COPY = "COPY product_file FROM STDIN"
LOOK_AT_STAGE = "ANALYZE product_file"
UNSTAGE = "DROP TABLE product_file"
"""Plans of the statements below: they read `product_file` as a whole and once, because each line is
checked. Products are found by their SKU: for a short file with one lookup in an index for each
line, for a long one with a hash or merge join that reads all products once."""

SPELL = """
UPDATE product_file AS file SET sku = product.sku FROM product
WHERE fold(product.sku) = fold(file.sku) AND product.sku <> file.sku
RETURNING line, product.sku
"""
"""Writes SKUs as the products have them, in another case for example. Plan: one lookup in
product_sku_unique for each line, or a hash join with all products."""

LOCK_CATEGORIES = """
SELECT count(*) FROM (
    SELECT id FROM category WHERE id IN (SELECT category FROM product_file)
    ORDER BY id FOR KEY SHARE
) AS locked
"""
"""Plan: the distinct categories of the file, and category_pkey."""

LOCK_KNOWN = """
SELECT count(*) FROM (
    SELECT product.id FROM product JOIN product_file USING (sku)
    ORDER BY product.id FOR NO KEY UPDATE OF product
) AS locked
"""
"""Locks in the order of ids, before any check. Orders can still refer to the locked products."""

DUPLICATES = """
SELECT line, first FROM (
    SELECT line, min(line) OVER (PARTITION BY fold(sku)) AS first FROM product_file
) AS numbered
WHERE line > first ORDER BY line LIMIT %s
"""
"""Plan: one sort of the file by SKU."""

UNKNOWN = """
SELECT line, sku FROM product_file
WHERE NOT EXISTS (SELECT FROM product WHERE sku = product_file.sku) ORDER BY line LIMIT %s
"""
NO_CATEGORY = """
SELECT line FROM product_file
WHERE category IS NOT NULL AND NOT EXISTS (SELECT FROM category WHERE id = product_file.category)
ORDER BY line LIMIT %s
"""
"""Plan: category_pkey, as a whole or one lookup for each line."""

NOT_ARCHIVED = """
SELECT line, sku FROM product_file
WHERE stays_archived AND NOT EXISTS (
    SELECT FROM product WHERE sku = product_file.sku AND archived_at IS NOT NULL
)
ORDER BY line LIMIT %s
"""
"""Plan: the products once for a long file, one lookup in the index of SKUs for each line of a short
one."""

_RESTORED = "product.archived_at IS NOT NULL AND NOT stays_archived"
ARCHIVED = f"""
SELECT product.id, product.archived_at FROM product JOIN product_file USING (sku)
WHERE {_RESTORED} ORDER BY product.id
"""
REVIVE = """
UPDATE product SET archived_at = NULL, updated_at = %s, version = version + 1
WHERE id = ANY(%s::bigint[])
"""
"""Plan: product_pkey, for up to PART products."""

PARTS = """
SELECT min(line), max(line), count(*) FROM (
    SELECT line, (row_number() OVER (ORDER BY line) - 1) / %s AS part FROM product_file
) AS numbered
GROUP BY part ORDER BY part
"""
"""Plan: the file in the order of its key. A part has PART lines (product_import.py)."""


def broken_rules(given: Collection[str]) -> str:
    """Returns the statement that finds lines whose rules contradict each other. For columns that
    the file does not have, it uses the values of the existing product. Its second column says
    whether the maximum is below the minimum, so that no step helps."""
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


def preview_summary(given: Collection[str]) -> str:
    """Returns the statement that counts what the staged file would add, change and put on sale
    again, and all its lines, with a fingerprint of the products it was compared with."""
    return f"""
SELECT count(*) FILTER (WHERE product.id IS NULL),
    count(*) FILTER (WHERE NOT ({_RESTORED}) AND {_differs(given)}),
    count(*) FILTER (WHERE {_RESTORED}), count(*),
    md5(string_agg(concat_ws(':', line, coalesce(product.id, 0), product.version, file.category),
                   ',' ORDER BY line))
FROM product_file AS file LEFT JOIN product USING (sku)
"""


def preview_changes(given: Collection[str]) -> str:
    """Returns the statement that lists such lines: the line, the SKU, whether the product is known
    and put on sale again, and for each column of the file whether it differs, and both values as
    text, cut to the second parameter."""
    columns = ", ".join(map(_compared, previewed_fields(given)))
    return f"""
SELECT line, file.sku, product.id IS NOT NULL, {_RESTORED}, {columns}
FROM product_file AS file LEFT JOIN product USING (sku) CROSS JOIN (SELECT %s::int) AS given (most)
WHERE product.id IS NULL OR {_RESTORED} OR {_differs(given)}
ORDER BY line LIMIT %s
"""


def _compared(name: str) -> str:
    if name == _OPENING:
        return f"product.id IS NULL AND file.{name} > 0, NULL, file.{name}::text"
    former = f"product.{_CHANGED[name]}"
    return (
        f"{former} IS DISTINCT FROM file.{name}, "
        f"left({former}::text, given.most), left(file.{name}::text, given.most)"
    )


def _differs(given: Collection[str]) -> str:
    known = ", ".join(f"product.{_CHANGED[name]}" for name in stored_fields(given))
    wanted = ", ".join(f"file.{name}" for name in stored_fields(given))
    return f"product.id IS NOT NULL AND ({known}) IS DISTINCT FROM ({wanted})"


_NEW = ", ".join(field.column for field in IN_FILES)
_ADDED = f"public_id, {_NEW}, created_at, updated_at, version"
_STAGED = ", ".join(field.name for field in IN_FILES)
_CHANGED = {field.name: field.column for field in IN_FILES if field.name != "sku"}
_FIELDS = {field.name: field for field in IN_FILES}
_ROWS = ("product", "excluded")
_OPENING = "quantity"
"""The column of the opening stock of new products."""


def adds(given: Collection[str]) -> bool:
    """Returns whether a file with these columns can add products."""
    return {*REQUIRED} <= {*given}


def stored_fields(given: Collection[str]) -> list[str]:
    """Returns the columns of the file that change existing products."""
    return [name for name in given if name in _CHANGED]


def previewed_fields(given: Collection[str]) -> list[str]:
    """Returns the columns of the file that a preview shows."""
    return [name for name in given if name in _CHANGED or name == _OPENING]


def stored_columns(given: Collection[str]) -> list[str]:
    """Returns the columns of the product that a file with these columns writes: first the SKU."""
    return ["sku", *(_CHANGED[name] for name in stored_fields(given))]


def upsert(given: Collection[str]) -> str:
    """Returns the statement that stores a part of the file: it adds new products, if the file has
    the columns for that, and changes the file's columns of existing ones. It returns the id,
    whether the product is new, its opening stock, and the SKU and these columns as they were (null
    for a new one) and as they are now. Products that do not change are not written and not
    returned.

    Plan: the lines of the part, by the key of the file and sorted by SKU, and one lookup in
    product_sku_key for each; if there can be no new ones, products are found as for the checks. The
    former values come from the snapshot of the statement, which has the rows as they were before
    it: one lookup in product_pkey for each written row, or one join with all products.
    """
    sku, *columns = stored_columns(given)
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns)
    known, wanted = (", ".join(f"{row}.{name}" for name in columns) for row in _ROWS)
    write, source, is_new = "UPDATE product", "FROM part AS excluded", "FALSE"
    if adds(given):
        write = f"INSERT INTO product ({_ADDED}) SELECT * FROM part ON CONFLICT (sku) DO UPDATE"
        source, is_new = "", "product.xmax = 0"
    former, present = (
        ", ".join(f"{row}.{name}" for name in (sku, *columns)) for row in ("former", "written")
    )
    return f"""
WITH part ({_ADDED}) AS (
    SELECT public_id, {_STAGED}, now, now, 1
    FROM product_file, (SELECT %s::timestamptz) AS given (now)
    WHERE line BETWEEN %s AND %s ORDER BY sku
), written AS (
    {write}
    SET {changes}, updated_at = excluded.updated_at, version = product.version + 1 {source}
    WHERE excluded.sku = product.sku AND ({known}) IS DISTINCT FROM ({wanted})
    RETURNING product.id, product.sku, {known}, {is_new} AS is_new
)
SELECT written.id, is_new, product_file.quantity, {former}, {present}
FROM written JOIN product_file USING (sku) LEFT JOIN product AS former ON former.id = written.id
"""
