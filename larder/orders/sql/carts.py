"""Reads and writes carts: the row of a customer, by an index scan of cart_pkey.

tests/orders/test_cart_sql.py compares the statements with the ORM.
"""

_COLUMNS = '"order", number, version, lines::text, created_at, updated_at, ended'

READ = f"SELECT {_COLUMNS} FROM cart WHERE customer_id = %s"

VERSIONS = """
SELECT customer_id, "order", version FROM cart
WHERE customer_id = ANY((SELECT %s::bigint[])::bigint[])
"""
"""Index scans of cart_pkey."""

MAKE = """
INSERT INTO cart (customer_id, version, lines) VALUES (%s, 0, '[]') ON CONFLICT DO NOTHING
"""
"""Waits for another transaction that makes the row. Then LOCK finds it."""

LOCK = f"{READ} FOR NO KEY UPDATE"

WRITE = """
UPDATE cart SET "order" = changed.id, version = changed.version, created_at = changed.created_at,
       updated_at = changed.updated_at, ended = changed.ended,
       number = CASE WHEN changed.id IS NULL THEN NULL
                     ELSE coalesce(number, nextval('order_number_seq')) END,
       lines = (
           SELECT coalesce(jsonb_agg(
               line || jsonb_build_object(
                   'id', coalesce((line->>'id')::bigint, nextval('order_line_id_seq'))
               ) ORDER BY place), '[]')
           FROM jsonb_array_elements(changed.lines) WITH ORDINALITY AS each (line, place)
       )
FROM (SELECT %(id)s::uuid AS id, %(version)s::int AS version, %(lines)s::jsonb AS lines,
             %(created_at)s::timestamptz AS created_at, %(updated_at)s::timestamptz AS updated_at,
             %(ended)s::uuid AS ended
) AS changed
WHERE customer_id = %(customer)s
RETURNING number
"""
"""Writes a locked cart. It gets the number of its order, and new lines their ids, from the
sequences of orders and their lines: the order keeps them. Plan: one row by cart_pkey, and a
function scan of its lines."""

RENEW = """
UPDATE cart SET "order" = %(new)s, number = nextval('order_number_seq'), version = version + 1,
       updated_at = %(now)s
WHERE "order" = %(id)s RETURNING customer_id
"""
"""Plan: an index scan of cart_order_key."""

LOCK_UNCHANGED = """
SELECT cart.customer_id
FROM unnest(%s::bigint[], %s::uuid[], %s::int[]) AS read (customer, id, version)
CROSS JOIN LATERAL (
    SELECT customer_id FROM cart
    WHERE customer_id = read.customer AND "order" = read.id AND version = read.version
    FOR NO KEY UPDATE
) AS cart
ORDER BY 1
"""
"""Locks the carts that are as they were read, in the order of the arrays. One that changes during
the wait is compared once more. Plan: a function scan, and for each cart one row by cart_pkey or
cart_order_key."""

END = """
UPDATE cart SET "order" = NULL, number = NULL, version = 0, lines = '[]', created_at = NULL,
       updated_at = NULL, ended = "order"
WHERE customer_id = ANY((SELECT %s::bigint[])::bigint[]) AND "order" IS NOT NULL
"""
"""Ends locked carts. Plan: index scans of cart_pkey."""
