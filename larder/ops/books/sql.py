"""The SQL of the invariants.

Each statement returns the rows that violate one invariant (larder/ops/books/invariants.py describes
them), so in a healthy shop all results are empty. The statements rely on no constraint, foreign key
or trigger, because a restore, a manual repair or a defect can bypass those.

The plan that they rely on: each reads its tables once and joins by hash; no subquery runs for each
row. 100,000 orders with 300,000 ledger entries take a few seconds in all. Ledger entries are
compared with events and adjustments as text, because the reference of a damaged entry may have any
text.
"""

ORDER_CAUSES = (
    "('order', 'hold', 'release', 'change', 'cancel', 'pack', 'missing', 'ship', 'unship', "
    "'return')"
)
"""Causes of ledger entries that refer to an order event. `opening` refers to the product; all other
causes are reasons of adjustments."""

UNSHIPPED_STATUSES = "('placed', 'packed')"
SHIPPED_STATUSES = "('shipped', 'delivered', 'returned')"

EXTENT = """
SELECT pg_current_snapshot()::text, json_build_object(
    'product', (SELECT count(*) FROM product),
    'ledger_entry', (SELECT count(*) FROM ledger_entry),
    'order', (SELECT count(*) FROM "order"),
    'order_line', (SELECT count(*) FROM order_line)
)::text
"""
"""The number of checked rows: in an empty database all invariants hold."""

UNEXPLAINED_ADJUSTMENT = f"""
SELECT entry.id, entry.product_id, entry.cause, entry.reference, adjustment.reason
FROM ledger_entry AS entry LEFT JOIN adjustment ON adjustment.id::text = entry.reference
WHERE CASE
    WHEN entry.cause = 'opening' OR entry.cause IN {ORDER_CAUSES} THEN adjustment.id IS NOT NULL
    ELSE adjustment.reason IS DISTINCT FROM entry.cause
END
"""

UNKNOWN_EVENT = f"""
SELECT entry.id, entry.product_id, entry.cause, entry.reference, entry.available_change
FROM ledger_entry AS entry LEFT JOIN order_event AS event ON event.id::text = entry.reference
WHERE entry.cause IN {ORDER_CAUSES} AND event.id IS NULL
"""

UNEXPLAINED_LINE = f"""
WITH promised AS (
    SELECT line.order_id, line.product_id, "order".status, line.quantity,
           coalesce(held.quantity, 0) AS held
    FROM order_line AS line JOIN "order" ON "order".id = line.order_id
    LEFT JOIN held_line AS held ON held."order" = line.order_id
         AND held.product_id = line.product_id AND held.released_at IS NULL
), moved AS (
    SELECT event.order_id, entry.product_id,
           -sum(entry.available_change) FILTER (WHERE entry.cause <> 'return') AS taken,
           sum(entry.committed_change) AS committed,
           -sum(entry.committed_change) FILTER (WHERE entry.cause = 'missing') AS missing,
           -sum(entry.committed_change) FILTER (WHERE entry.cause IN ('ship', 'unship')) AS shipped
    FROM ledger_entry AS entry JOIN order_event AS event ON event.id::text = entry.reference
    WHERE entry.cause IN {ORDER_CAUSES} GROUP BY event.order_id, entry.product_id
), line AS (
    SELECT order_id, product_id, status, coalesce(taken, 0) AS taken,
           coalesce(committed, 0) AS committed, coalesce(missing, 0) AS missing,
           coalesce(shipped, 0) AS shipped,
           CASE WHEN status IN {UNSHIPPED_STATUSES} THEN quantity ELSE coalesce(held, 0) END
           AS to_ship,
           CASE WHEN status IN {SHIPPED_STATUSES} THEN quantity ELSE 0 END AS gone
    FROM promised FULL JOIN moved USING (order_id, product_id)
)
SELECT * FROM line
WHERE committed <> to_ship OR shipped <> gone OR taken <> to_ship + gone + missing
"""
"""The units that an order took, minus those that a change, a cancellation or
packing gave back, are still to be shipped, were shipped, or were missing. A line that was removed
from an order gave all its units back, except missing ones. An order that is not confirmed has the
units of its held lines that are not released."""

WRONG_TOTAL = """
SELECT "order".id, "order".number, "order".status, "order".total, added.total AS lines_total,
       "order".units, added.units AS lines_units
FROM "order" LEFT JOIN (
    SELECT order_id, sum(quantity * unit_price) AS total, sum(quantity) AS units
    FROM order_line GROUP BY order_id
) AS added ON added.order_id = "order".id
WHERE "order".total IS DISTINCT FROM added.total OR "order".units <> added.units
"""

LOST_ORDER = """
SELECT 'order_line' AS found_in, line.id::text, line.order_id
FROM order_line AS line LEFT JOIN "order" ON "order".id = line.order_id WHERE "order".id IS NULL
UNION ALL
SELECT 'order_event', event.id::text, event.order_id
FROM order_event AS event LEFT JOIN "order" ON "order".id = event.order_id
WHERE "order".id IS NULL
"""

DIFFERS_FROM_LAST_EVENT = """
SELECT "order".id, "order".number, "order".status, last.type, last.to_status, last.at
FROM "order" LEFT JOIN (
    SELECT DISTINCT ON (order_id) order_id, type, to_status, at
    FROM order_event ORDER BY order_id, position DESC
) AS last ON last.order_id = "order".id
WHERE "order".status IS DISTINCT FROM last.to_status
"""

BROKEN_HISTORY = """
SELECT id, order_id, type, ended_in, from_status, to_status, at
FROM (
    SELECT *, lag(to_status, 1, '') OVER (PARTITION BY order_id ORDER BY position) AS ended_in
    FROM order_event
) AS event
WHERE from_status <> ended_in AND NOT (ended_in = '' AND from_status = 'draft')
"""
"""A cart has no events before it is placed: the first event begins in no status or in draft."""

DIFFERS_FROM_TIME_OF_ORDER = """
SELECT line.id, line.order_id, line.product_id, "order".status, line.placed_at,
       "order".placed_at AS order_placed_at
FROM order_line AS line JOIN "order" ON "order".id = line.order_id
WHERE line.placed_at IS DISTINCT FROM "order".placed_at
"""

EVENT_NOT_IN_FEED = """
SELECT "order".id, "order".number, "order".customer_id, last.type, last.at
FROM "order" JOIN (
    SELECT DISTINCT ON (order_id) order_id, type, at, transaction_id
    FROM order_event ORDER BY order_id, position DESC
) AS last ON last.order_id = "order".id
WHERE "order".transaction_id < last.transaction_id
"""
"""The order may have a later position than its last event, after a change by hand."""

DIFFERS_FROM_RETURNS = """
WITH recorded AS (
    SELECT event.order_id, line.product AS product_id, sum(line.quantity) AS units,
           sum(line.quantity) FILTER (WHERE line.restock) AS restocked
    FROM order_event AS event CROSS JOIN LATERAL
         jsonb_to_recordset(coalesce(event.data -> 'lines', '[]'))
         AS line (product bigint, quantity bigint, restock boolean)
    WHERE event.type = 'returned' GROUP BY event.order_id, line.product
), booked AS (
    SELECT event.order_id, entry.product_id, sum(entry.available_change) AS units
    FROM ledger_entry AS entry JOIN order_event AS event ON event.id::text = entry.reference
    WHERE entry.cause = 'return' GROUP BY event.order_id, entry.product_id
)
SELECT order_id, product_id, coalesce(line.returned, 0) AS returned,
       coalesce(recorded.units, 0) AS recorded, coalesce(recorded.restocked, 0) AS
       recorded_restocked, coalesce(booked.units, 0) AS restocked
FROM (SELECT order_id, product_id, returned FROM order_line WHERE returned <> 0) AS line
     FULL JOIN recorded USING (order_id, product_id) FULL JOIN booked USING (order_id, product_id)
WHERE coalesce(line.returned, 0) <> coalesce(recorded.units, 0)
   OR coalesce(recorded.restocked, 0) <> coalesce(booked.units, 0)
"""

DIFFERS_FROM_SALES = """
WITH line AS (
    SELECT order_id, product_id AS product, quantity, returned
    FROM order_line JOIN "order" ON "order".id = order_id
    WHERE expires_at IS NOT NULL AND status NOT IN ('pending', 'expired', 'cancelled')
), booked AS (
    SELECT order_id, product, sum(sales_change.quantity) AS quantity,
           sum(sales_change.returned) AS returned
    FROM sales_change JOIN "order" ON "order".id = order_id WHERE "order".expires_at IS NOT NULL
    GROUP BY order_id, product
)
SELECT order_id, product, line.quantity, line.returned, booked.quantity AS booked,
       booked.returned AS booked_returned
FROM line FULL JOIN booked USING (order_id, product)
WHERE coalesce(line.quantity, 0) <> coalesce(booked.quantity, 0)
   OR coalesce(line.returned, 0) <> coalesce(booked.returned, 0)
"""

DIFFERS_FROM_PICKED = """
WITH recorded AS (
    SELECT event.id::text AS event, line.product AS product_id,
           sum(line.ordered - line.quantity) FILTER (WHERE line.missing) AS missing,
           sum(line.ordered - line.quantity) FILTER (WHERE NOT line.missing) AS left_there
    FROM order_event AS event CROSS JOIN LATERAL
         jsonb_to_recordset(coalesce(event.data -> 'picked', '[]'))
         AS line (product bigint, ordered bigint, quantity bigint, missing boolean)
    WHERE event.type IN ('packed', 'cancelled') GROUP BY event.id, line.product
), booked AS (
    SELECT reference AS event, product_id,
           -sum(committed_change) FILTER (WHERE cause = 'missing') AS missing,
           -sum(committed_change) FILTER (WHERE cause = 'pack') AS left_there
    FROM ledger_entry WHERE cause IN ('missing', 'pack') GROUP BY reference, product_id
) SELECT event, product_id, recorded.missing AS recorded_missing, recorded.left_there AS
recorded_left_there,
       booked.missing, booked.left_there
FROM recorded FULL JOIN booked USING (event, product_id)
WHERE coalesce(recorded.missing, 0) <> coalesce(booked.missing, 0)
   OR coalesce(recorded.left_there, 0) <> coalesce(booked.left_there, 0)
"""

ENTRY_OF_ANOTHER_EVENT = f"""
SELECT entry.id, entry.product_id, entry.cause, event.id AS event, event.order_id, event.type
FROM ledger_entry AS entry JOIN order_event AS event ON event.id::text = entry.reference
WHERE entry.cause IN {ORDER_CAUSES} AND NOT CASE event.type
    WHEN 'placed' THEN entry.cause = 'order'
    WHEN 'held' THEN entry.cause IN ('hold', 'release')
    WHEN 'confirmed' THEN entry.cause = 'order'
    WHEN 'changed' THEN entry.cause = 'change'
    WHEN 'packed' THEN entry.cause IN ('pack', 'missing')
    WHEN 'cancelled' THEN entry.cause IN ('cancel', 'pack', 'missing', 'release')
    WHEN 'shipped' THEN entry.cause = 'ship'
    WHEN 'unshipped' THEN entry.cause = 'unship'
    WHEN 'returned' THEN entry.cause = 'return'
    ELSE false
END
"""

IMPOSSIBLE_MOVE = """
SELECT id, order_id, type, from_status, to_status, at FROM order_event
WHERE (type, from_status, to_status) NOT IN (
    ('placed', '', 'placed'), ('placed', 'draft', 'placed'), ('changed', 'placed', 'placed'),
    ('packed', 'placed', 'packed'), ('shipped', 'packed', 'shipped'),
    ('delivered', 'shipped', 'delivered'),
    ('cancelled', 'placed', 'cancelled'), ('cancelled', 'packed', 'cancelled'),
    ('unpacked', 'packed', 'placed'), ('unshipped', 'shipped', 'packed'),
    ('returned', 'shipped', 'shipped'), ('returned', 'delivered', 'delivered'),
    ('returned', 'shipped', 'returned'), ('returned', 'delivered', 'returned'),
    ('tracked', 'shipped', 'shipped'), ('tracked', 'delivered', 'delivered'),
    ('tracked', 'returned', 'returned'),
    ('held', '', 'pending'), ('held', 'draft', 'pending'), ('expired', 'pending', 'expired'),
    ('confirmed', 'pending', 'placed'), ('confirmed', 'expired', 'placed'),
    ('cancelled', 'pending', 'cancelled'), ('cancelled', 'expired', 'cancelled')
) AND NOT (type = 'payment' AND from_status = to_status)
"""
"""All transitions that larder/orders/lifecycle.py allows, listed independently."""

RETURNED_IN_PART = """
SELECT "order".id, "order".number, "order".status, added.ordered, added.returned
FROM "order" JOIN (
    SELECT order_id, sum(quantity) AS ordered, sum(returned) AS returned
    FROM order_line GROUP BY order_id
) AS added ON added.order_id = "order".id
WHERE ("order".status = 'returned') <> (added.returned >= added.ordered)
"""

OPEN_CLAIM = """
SELECT actor, operation, key, created_at FROM idempotency_key WHERE result = ''
"""

KEY_WITHOUT_ORDER = """
SELECT claim.actor, claim.operation, claim.key, claim.result, "order".status
FROM idempotency_key AS claim LEFT JOIN "order" ON "order".id::text = claim.result
WHERE (claim.operation IN ('order-id', 'POST /api/v1/orders', 'POST /api/v1/cart/submit')
       OR claim.operation LIKE 'POST /api/v1/orders/%')
  AND claim.result NOT IN ('', 'abandoned')
  AND "order".id IS NULL
"""

ABANDONED_ORDER = """
SELECT claim.key AS id, "order".number, "order".status
FROM idempotency_key AS claim JOIN "order" ON "order".id::text = claim.key
WHERE claim.operation = 'order-id' AND claim.result = 'abandoned'
"""

ABANDONED_IN_PART = """
SELECT claim.actor, claim.operation, claim.key, claim.expires_at
FROM idempotency_key AS claim
LEFT JOIN idempotency_key AS other ON other.actor = claim.actor AND other.key = claim.key
     AND other.result = 'abandoned' AND other.operation <> claim.operation
     AND other.operation IN ('POST /api/v1/orders', 'POST /api/v1/cart/submit')
WHERE claim.result = 'abandoned'
  AND (claim.expires_at IS NOT NULL OR claim.operation <> 'order-id' AND other.key IS NULL)
"""

KEY_OF_WRONG_CALLER = """
WITH staff AS (
    SELECT public_id FROM customer WHERE is_staff
    UNION
    SELECT event.actor FROM order_event AS event
    JOIN "order" ON "order".id = event.order_id
    JOIN customer AS owner ON owner.id = "order".customer_id
    WHERE event.actor <> owner.public_id AND event.type <> 'payment'
       OR event.type IN (
           'confirmed', 'packed', 'shipped', 'delivered', 'returned',
           'unpacked', 'unshipped', 'tracked'
       )
)
SELECT claim.actor, claim.operation, claim.key, claim.result, owner.public_id AS customer
FROM idempotency_key AS claim
JOIN "order" ON "order".id::text = claim.result
LEFT JOIN customer AS owner ON owner.id = "order".customer_id
LEFT JOIN staff ON staff.public_id = claim.actor
WHERE CASE
    WHEN claim.operation = 'order-id'
        THEN claim.actor <> '00000000-0000-0000-0000-000000000000' OR claim.key <> claim.result
    WHEN claim.operation = 'POST /api/v1/cart/submit'
        THEN claim.actor IS DISTINCT FROM owner.public_id
    WHEN claim.operation = 'POST /api/v1/orders'
        THEN claim.actor IS DISTINCT FROM owner.public_id AND staff.public_id IS NULL
    WHEN claim.operation LIKE 'POST /api/v1/orders/%'
        THEN split_part(claim.operation, '/', 5) <> claim.result
          OR staff.public_id IS NULL
             AND CASE WHEN claim.actor = owner.public_id
                 THEN claim.operation NOT LIKE '%/cancel'
                 ELSE claim.operation !~ '/(pack|unpack|ship|unship|track)$' END
    ELSE false
END
"""
"""The id of an order is claimed without an actor, with itself as the key. A key belongs to the
customer, or to staff, who may see all orders. A key of a submitted cart belongs to its customer
only; a key of a move that customers cannot make belongs to staff only. The path of a move names its
order, in the fifth part of the operation. An actor of an event that only staff can cause was staff,
and may have left. The key of a repeated move is kept without an event: it belongs to staff too."""
