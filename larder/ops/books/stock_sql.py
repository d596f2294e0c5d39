"""The SQL of the invariants of stock, its ledger and held lines. sql.py says what it relies on."""

DIFFERS_FROM_LEDGER_SUM = """
SELECT product_id, stock.available, stock.committed,
       summed.available AS ledger_available, summed.committed AS ledger_committed
FROM stock FULL JOIN (
    SELECT product_id, sum(available_change) AS available, sum(committed_change) AS committed
    FROM ledger_entry GROUP BY product_id
) AS summed USING (product_id)
WHERE coalesce(stock.available, 0) <> coalesce(summed.available, 0)
   OR coalesce(stock.committed, 0) <> coalesce(summed.committed, 0)
"""

BROKEN_LEDGER_CHAIN = """
SELECT id, product_id, cause, reference, available_before, available_change, available_after,
       committed_before, committed_change, committed_after
FROM (
    SELECT *, lag(available_after, 1, 0) OVER earlier AS available_before,
           lag(committed_after, 1, 0::bigint) OVER earlier AS committed_before
    FROM ledger_entry WINDOW earlier AS (PARTITION BY product_id ORDER BY id)
) AS entry
WHERE available_after <> available_before::bigint + available_change
   OR committed_after <> committed_before + committed_change
"""

IMPOSSIBLE_MOVEMENT = """
SELECT id, product_id, cause, available_change, committed_change, reference
FROM ledger_entry
WHERE NOT CASE
    WHEN cause IN ('order', 'hold')
        THEN available_change < 0 AND available_change + committed_change = 0
    WHEN cause = 'change' THEN available_change + committed_change = 0
    WHEN cause IN ('cancel', 'pack', 'release')
        THEN available_change > 0 AND available_change + committed_change = 0
    WHEN cause IN ('missing', 'ship') THEN available_change = 0 AND committed_change < 0
    WHEN cause = 'unship' THEN available_change = 0 AND committed_change > 0
    WHEN cause IN ('opening', 'return') THEN available_change > 0 AND committed_change = 0
    ELSE available_change <> 0 AND committed_change = 0
END
"""
"""Orders move units between available and committed. Shipped and missing units leave committed. All
other causes change only available."""

DIFFERS_FROM_HELD_LINE = """
WITH held AS (
    SELECT "order".id AS order_id, line.product_id, "order".status, line.quantity,
           "order".expires_at, event.id AS event
    FROM "order" JOIN order_line AS line ON line.order_id = "order".id
    LEFT JOIN order_event AS event ON event.order_id = "order".id AND event.type = 'held'
    WHERE "order".status = 'pending'
)
SELECT coalesce(held.order_id, line."order") AS order_id,
       coalesce(held.product_id, line.product_id) AS product_id, held.status,
       held.quantity, line.quantity AS held_quantity, held.expires_at,
       line.expires_at AS held_until, line.released_at
FROM held FULL JOIN held_line AS line
     ON line."order" = held.order_id AND line.product_id = held.product_id
WHERE (held.quantity, held.expires_at, held.event)
      IS DISTINCT FROM (line.quantity, line.expires_at, line.event)
"""
"""A held line is deleted when its order is confirmed, cancelled or marked as expired."""

DIFFERS_FROM_NEXT_EXPIRY = """
SELECT product_id, stock.next_expiry, soonest.expires_at
FROM stock FULL JOIN (
    SELECT product_id, min(expires_at) AS expires_at FROM held_line
    WHERE released_at IS NULL GROUP BY product_id
) AS soonest USING (product_id)
WHERE stock.next_expiry IS DISTINCT FROM soonest.expires_at
"""
