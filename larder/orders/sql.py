"""The hand-written SQL of orders, and the plans it relies on.

What writes is compared with the plain ORM version in tests/orders/test_sql.py; what is read from
the feed with the orders as they stand, in test_order_feed.py.
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
    INSERT INTO order_line (placed_at, order_id, product_id, sku, name, unit_price, quantity)
    SELECT %s, line.*
    FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::numeric[], %s::int[])
         AS line
    RETURNING id
), new_event AS (
    INSERT INTO order_event (id, order_id, type, from_status, to_status, actor, at, data)
    SELECT id, order_id, 'placed', '', 'placed', actor, %s, '{}'::jsonb
    FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[]) AS event (id, order_id, actor)
)
SELECT ARRAY(SELECT id FROM new_order), ARRAY(SELECT number FROM new_order),
       ARRAY(SELECT id FROM new_line ORDER BY id)
"""
"""Orders, lines and events of a whole group in one round trip: three inserts over function
scans, no table is read. Lines get their ids in the order they stand in the arrays."""

PLACE_DRAFTS = """
WITH draft AS (
    UPDATE "order" SET status = 'placed', currency = %s, placed_at = %s, updated_at = %s,
           total = placed.total, note = placed.note, reference = placed.reference,
           ship_to = placed.ship_to, requested_for = placed.requested_for,
           lines_fingerprint = placed.lines_fingerprint,
           rest_fingerprint = placed.rest_fingerprint, version = version + 1
    FROM unnest(%s::uuid[], %s::numeric[], %s::text[], %s::text[], %s::jsonb[], %s::date[],
                %s::bytea[], %s::bytea[])
         AS placed (id, total, note, reference, ship_to, requested_for, lines_fingerprint,
                    rest_fingerprint)
    WHERE "order".id = placed.id AND "order".status = 'draft'
    RETURNING "order".id
), priced_line AS (
    UPDATE order_line SET placed_at = %s, sku = sold.sku, name = sold.name,
           unit_price = sold.unit_price
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::numeric[])
         AS sold (id, sku, name, unit_price)
    WHERE order_line.id = sold.id
), new_event AS (
    INSERT INTO order_event (id, order_id, type, from_status, to_status, actor, at, data)
    SELECT id, order_id, 'placed', 'draft', 'placed', actor, %s, '{}'::jsonb
    FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[]) AS event (id, order_id, actor)
)
SELECT id FROM draft
"""
"""Drafts of a whole group in one round trip, once each is locked and its lines are decided. Index
scans of order_pkey and order_line_pkey; the answer names the drafts that were placed."""

OWN_ORDERS = """(
    SELECT transaction_id, number AS position, id FROM {table}
    WHERE customer_id = (SELECT %s::bigint) AND placed_at IS NOT NULL
) AS own
    WHERE {behind}"""
"""The feed of one customer (larder/common/feed.py): one range of the index order_feed, entered at
the mark, however many orders they have. The customer is hidden for the sake of the plan
(larder/inventory/sql.py): it is the same for those of many orders and of few."""
