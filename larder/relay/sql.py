"""Reads facts, and writes and reads deliveries."""

EVENTS_OF = """
SELECT event.id, event.type, event.order_id, event.at, customer_id,
       CASE WHEN event.type = 'payment' THEN event.data -> 'payment' END
FROM unnest((SELECT %(orders)s::uuid[])) AS changed (id)
JOIN "order" ON "order".id = changed.id, LATERAL (
    SELECT max(position) FILTER (
               WHERE (transaction_id, position) <= (%(after)s::text::xid8, %(after_number)s)
           ) AS told,
           max(position) FILTER (
               WHERE (transaction_id, position) <= (%(up_to)s::text::xid8, %(up_to_number)s)
           ) AS last
    FROM order_event WHERE order_id = changed.id
) AS reached, LATERAL (
    SELECT * FROM order_event
    WHERE order_id = changed.id AND position > coalesce(told, 0) AND position <= last
) AS event
ORDER BY event.position
"""
"""For each order index scans of order_pkey and order_event_history."""

STORE = """
INSERT INTO delivery (event, type, channel, target, object, at, data, next_at, created_at)
SELECT event.id, event.type, %(channel)s, delivery.target, event.object, event.at, event.data,
       moment.now, moment.now
FROM (SELECT clock_timestamp() AS now) AS moment,
     unnest(%(ids)s::uuid[], %(targets)s::text[]) WITH ORDINALITY AS delivery (event, target, nth)
JOIN json_to_recordset(%(events)s::json) AS event (
    id uuid, type text, object text, at timestamptz, data jsonb) ON event.id = delivery.event
ORDER BY delivery.nth
"""
"""Inserts deliveries in their order. Joins function scans; each event is sent and read once."""

DUE = """
SELECT delivery.id FROM unnest(%(channels)s::text[]) AS channels (channel), LATERAL (
    WITH RECURSIVE waiting (target, next_at) AS (
        (SELECT target, next_at FROM delivery
         WHERE next_at IS NOT NULL AND channel = channels.channel
         ORDER BY target, next_at LIMIT 1)
        UNION ALL
        SELECT following.* FROM waiting, LATERAL (
            SELECT target, next_at FROM delivery
            WHERE next_at IS NOT NULL AND channel = channels.channel AND target > waiting.target
            ORDER BY target, next_at LIMIT 1
        ) AS following
    )
    SELECT target FROM waiting
    WHERE next_at <= statement_timestamp() AND NOT EXISTS (
        SELECT FROM unnest(%(busy)s::text[], %(busy_targets)s::text[]) AS busy (channel, target)
        WHERE busy.channel = channels.channel AND busy.target = waiting.target)
    LIMIT %(targets)s - (
        SELECT count(*) FROM unnest(%(busy)s::text[]) AS busy (channel)
        WHERE busy.channel = channels.channel)
) AS due, LATERAL (
    SELECT id, next_at FROM delivery
    WHERE channel = channels.channel AND target = due.target AND next_at <= statement_timestamp()
    ORDER BY next_at, id LIMIT %(limit)s
) AS delivery
ORDER BY channels.channel, due.target, delivery.next_at, delivery.id
"""
"""Reads one entry of the index delivery_due for each target that waits, and of it what is due."""

RECORD = """
UPDATE delivery SET attempts = attempts + 1, outcome = attempt.outcome, is_sent = attempt.sent,
    next_at = clock_timestamp() + attempt.pause * interval '1 second',
    data = CASE WHEN target = 'account' AND attempt.pause IS NULL THEN '{}' ELSE data END
FROM json_to_recordset(%s::json) AS attempt (
    id bigint, outcome text, sent boolean, pause float)
WHERE delivery.id = attempt.id AND next_at IS NOT NULL
"""
"""Stores attempts, by delivery_pkey. What ended meanwhile stays so. A recipient that only the
delivery of a mail has ends with it."""

TELL_STOCK = """
WITH stored AS (
    INSERT INTO told_stock (product, state)
    SELECT product, stock.state
    FROM unnest(%(products)s::bigint[], %(states)s::text[]) AS stock (product, state)
    LEFT JOIN told_stock USING (product)
    WHERE told_stock.state IS DISTINCT FROM stock.state
    ON CONFLICT (product) DO UPDATE SET state = EXCLUDED.state
    RETURNING product, state
)
SELECT stored.product, former.state, stored.state
FROM stored JOIN told_stock AS former USING (product)
"""
"""Stores states that are others than before. The last join reads what was there before."""

DELETE_OLD = """
DELETE FROM delivery WHERE id IN (
    SELECT id FROM (SELECT id, created_at FROM delivery ORDER BY id LIMIT %(limit)s) AS oldest
    WHERE created_at < %(before)s)
RETURNING id
"""
"""Reads the beginning of delivery_pkey: ids ascend with time."""

TAKE_WATCHES = """
WITH told AS (
    DELETE FROM watch WHERE product_id = ANY(%s::bigint[])
        AND EXISTS (SELECT FROM device WHERE device.customer_id = watch.customer_id)
    RETURNING customer_id, product_id
)
SELECT told.product_id, device.id::text FROM told JOIN device USING (customer_id)
"""
"""Plan: the index of watch on the product, then device_of_customer for each watch."""

TAKE_MAILS = """
WITH former AS (DELETE FROM mail RETURNING *)
INSERT INTO delivery (event, type, channel, target, object, at, data, next_at, created_at)
SELECT id, kind, 'mail', 'account', about, created_at, jsonb_build_object('recipient', recipient),
       clock_timestamp(), clock_timestamp()
FROM former
"""
"""Scans a table that is empty but for a moment."""
