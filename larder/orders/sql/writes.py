"""Locks and writes orders, and counts what limits them."""

from larder.orders.sql import reads
from larder.orders.sql.payments import PAYABLE

INSERT = """
WITH placed AS (
    SELECT * FROM json_to_recordset(%s::json) AS placed (
        id uuid, number bigint, customer bigint, status text, currency text, total numeric,
        units bigint, note text, reference text, ship_to jsonb, requested_for date,
        created_at timestamptz, placed_at timestamptz, expires_at timestamptz, version int,
        event uuid, type text, actor uuid, from_status text)
), line AS (
    SELECT * FROM ROWS FROM (
        json_to_recordset(%s::json) AS (
            id bigint, product bigint, sku text, name text, unit_price numeric, quantity int,
            tax_rate numeric),
        unnest(%s::uuid[])
    ) AS line (id, product, sku, name, unit_price, quantity, tax_rate, "order")
), new_order AS (
    INSERT INTO "order" (id, number, customer_id, status, currency, total, units, note, reference,
                         ship_to, requested_for, created_at, placed_at, updated_at, expires_at,
                         version)
    SELECT id, coalesce(nullif(number, 0), nextval('order_number_seq')), customer, status, currency,
           total, units, note, reference, ship_to, requested_for, created_at, placed_at, placed_at,
           expires_at, version
    FROM placed
    RETURNING id, number
), new_line AS (
    INSERT INTO order_line (id, placed_at, order_id, product_id, sku, name, unit_price, quantity,
                            tax_rate)
    SELECT coalesce(nullif(id, 0), nextval('order_line_id_seq')), now, "order", product, sku, name,
           unit_price, quantity, tax_rate
    FROM (SELECT max(placed_at) AS now FROM placed) AS batch, line
    RETURNING order_id, id
), new_event AS (
    INSERT INTO order_event (id, order_id, type, from_status, to_status, actor, at, data)
    SELECT event, id, type, from_status, status, actor, placed_at, '{}'::jsonb FROM placed
)
SELECT new_order.id, number, array_agg(new_line.id ORDER BY new_line.id)
FROM new_order JOIN new_line ON order_id = new_order.id GROUP BY new_order.id, number
"""
"""Inserts orders, lines and events of a batch in one round trip: three inserts over function scans;
no table is read. What was a cart keeps its number, and its lines their ascending ids; new lines get
theirs in their order in the JSON. The array has the order of each line: JSON in JSON would be read
twice. Returns the number of each order, and the ids of its lines. An array for each column takes a
tenth more CPU of the server's process for three orders, and a twentieth for sixty."""

INSERT_AND_HOLD = INSERT.replace(
    ")\nSELECT new",
    """), held AS (
    INSERT INTO held_line ("order", product_id, event, quantity, expires_at)
    SELECT placed.id, product, event, quantity, expires_at
    FROM placed JOIN line ON "order" = placed.id WHERE expires_at IS NOT NULL
)
SELECT new""",
)
"""The same with the held lines of orders that await their payment."""

LINES_OF_LOCKED = """
SELECT id, product_id, sku, name, quantity, unit_price, returned, ordered, tax_rate
FROM order_line WHERE order_id = %s ORDER BY id
"""
"""An index scan of order_line_once. Submitted after the lock of the order, it reads under it."""

LAST_EVENTS = """
SELECT DISTINCT ON (type) type, data FROM order_event
WHERE order_id = %s
  AND type IN ('cancelled', 'packed', 'shipped', 'delivered', 'unpacked', 'unshipped')
ORDER BY type, position DESC
"""
"""The last event of each of these types, by an index scan of order_event_history. They tell what an
earlier request has made, and whether it was undone."""

CHANGE_ORDERS = """
WITH new AS (
    SELECT *, %s::timestamptz AS now FROM json_to_recordset(%s::json) AS new (
        id uuid, was_status text, was_version int, status text, total numeric, units bigint,
        event uuid, type text, actor uuid, data jsonb, channel text)
), changed AS (
    UPDATE "order" SET status = new.status, total = coalesce(new.total, "order".total),
           units = coalesce(new.units, "order".units), version = "order".version + 1,
           updated_at = now,
           confirmed_at = CASE WHEN new.type = 'confirmed' THEN now ELSE confirmed_at END
    FROM new
    WHERE "order".id = new.id AND "order".status = was_status AND "order".version = was_version
    RETURNING "order".id
), new_event AS (
    INSERT INTO order_event (id, order_id, type, from_status, to_status, actor, at, data)
    SELECT event, id, type, was_status, status, actor, now, data FROM new
), ended AS (
    DELETE FROM held_line USING new
    WHERE "order" = new.id AND was_status = 'pending' AND new.status <> 'pending'
), entry AS (
    INSERT INTO audit_entry (actor, channel, object, action, before, after)
    SELECT actor, channel, 'order:' || id, 'confirm', jsonb_build_object('status', was_status),
           jsonb_build_object('status', status)
    FROM new WHERE channel IS NOT NULL
)
SELECT id FROM changed
"""
"""Changes locked orders, writes their events, deletes the held lines of those that are not pending
any more, and records confirmations that have a channel in the audit trail: in one statement, which
costs a batch 3 % less than three. Index scans of order_pkey and held_line_once. Returns the orders
that had the given status and version. For 100 orders the ORM takes 17 ms in place of 4."""

UNPAID_UNITS = f"""
SELECT customer.id, (
    SELECT true FROM "order"
    WHERE customer_id = customer.id AND status IN ('shipped', 'delivered', 'returned')
    ORDER BY placed_at, id LIMIT 1
) IS NOT NULL, (
    SELECT COALESCE(sum(units), 0)::bigint
    FROM (
        (SELECT * FROM "order" WHERE customer_id = customer.id AND placed_at > %(since)s OFFSET 0)
        UNION ALL
        SELECT * FROM "order"
        WHERE customer_id = customer.id AND placed_at <= %(since)s AND updated_at > %(since)s
          AND status = 'placed' AND updated_at > placed_at
    ) AS "order"
    WHERE id <> %(without)s
      AND (status = 'placed' OR status = 'pending' AND expires_at > (SELECT clock_timestamp()))
      AND (authorised IS NULL OR {PAYABLE} = 0
           OR authorised + captured - refunded - disputed < {PAYABLE})
)
FROM unnest((SELECT %(customers)s::bigint[])) AS customer (id)
"""
"""For each customer, whether the shop has shipped an order to it, and the units of its orders that
were placed or changed in the last day, are not packed, and not paid with what is authorised. Index
scans of order_history and order_changed. Grouped by customer, or with the status beside the time,
PostgreSQL would read the orders of others."""

TURN = "SELECT pg_advisory_xact_lock(10, 1)"
"""Waits until no other transaction has the turn, and takes it until the end. Reads no table."""

LOCK_CUSTOMERS = """
SELECT pg_advisory_xact_lock((8::bigint << 48) + customer)
FROM unnest((SELECT %s::bigint[])) AS holder (customer)
"""
"""Locks the customers in the order of the array until the transaction ends: a function scan. Two
transactions could otherwise each add the last unit of a customer."""

SET_LINES = """
UPDATE order_line SET quantity = new.quantity, ordered = new.ordered, returned = new.returned
FROM unnest(%s::bigint[], %s::int[], %s::int[], %s::int[]) AS new (id, quantity, ordered, returned)
WHERE order_line.id = new.id
"""
"""Updates the lines of one order. Index scans of order_line_pkey. Stock rows are locked meanwhile,
and Django's bulk_update takes eight times as long for 1,000 lines."""

EXISTING = """
SELECT id FROM "order" WHERE "order".id = ANY((SELECT %s::uuid[])::uuid[])
UNION ALL SELECT "order" FROM cart WHERE "order" = ANY((SELECT %s::uuid[])::uuid[])
"""
"""Index scans of order_pkey and cart_order_key. The ORM could not send it with other statements."""

HELD_ORDERS = reads.with_lines(
    f"{reads.WITH_IDS} ORDER BY id FOR UPDATE",
    """, status, ARRAY(SELECT CASE WHEN released_at IS NULL THEN product_id END
                       FROM held_line WHERE "order" = page.id FOR UPDATE)""",
)
"""Locks orders by ascending id, each with its held lines, and reads what it holds still. Reads the
lines by a snapshot of before the wait: those of an order that is not confirmed never change."""

LOCK = 'SELECT {} FROM "order" WHERE id = %s FOR UPDATE'
"""An index scan of order_pkey, of the columns of the model."""
