"""The hand-written SQL of orders, and the plans it relies on.

Compared with the plain ORM version in tests/orders/test_sql.py.
"""

INSERT = """
WITH new_order AS (
    INSERT INTO "order" (id, customer_id, status, currency, total, note, reference, ship_to,
                         requested_for, created_at, placed_at, updated_at, lines_fingerprint,
                         rest_fingerprint, version)
    SELECT id, customer_id, 'placed', %s, total, note, reference, ship_to, requested_for, %s, %s,
           %s, lines_fingerprint, rest_fingerprint, 1
    FROM unnest(%s::uuid[], %s::bigint[], %s::numeric[], %s::text[], %s::text[], %s::jsonb[],
                %s::date[], %s::bytea[], %s::bytea[])
         AS placed (id, customer_id, total, note, reference, ship_to, requested_for,
                    lines_fingerprint, rest_fingerprint)
    RETURNING id, number
), new_line AS (
    INSERT INTO order_line (order_id, product_id, sku, name, unit_price, quantity)
    SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::numeric[],
                         %s::int[])
), new_event AS (
    INSERT INTO order_event (id, order_id, type, from_status, to_status, actor, at, data)
    SELECT id, order_id, 'placed', '', 'placed', actor, %s, '{}'::jsonb
    FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[]) AS event (id, order_id, actor)
)
SELECT id, number FROM new_order
"""
"""Orders, lines and events of a whole group in one round trip: three inserts over function
scans, no table is read. Lines get their ids in the order they stand in the arrays."""
