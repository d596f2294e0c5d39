"""The state of the products of one run, counted without the statements of Larder."""

from collections.abc import Sequence

from larder.db import database

_FAULTS = """
WITH mine AS (
    SELECT DISTINCT o.* FROM "order" o JOIN order_line ON order_id = o.id
    WHERE product_id = ANY(%s::bigint[])
), ledger AS (
    SELECT product_id, sum(available_change) AS available, sum(committed_change) AS committed
    FROM ledger_entry WHERE product_id = ANY(%s::bigint[]) GROUP BY product_id
), sold AS (
    SELECT product_id, sum(units) AS units FROM (
        SELECT product_id, quantity AS units FROM order_line JOIN mine ON mine.id = order_id
        WHERE status IN ('placed', 'packed')
        UNION ALL SELECT product_id, quantity FROM held_line JOIN mine ON mine.id = "order"
        WHERE released_at IS NULL
    ) AS line GROUP BY product_id
), paid AS (
    -- The intent of a payment is the id of its order, also if it names no order.
    SELECT intent AS "order", greatest(0, sum(CASE kind WHEN 'captured' THEN amount WHEN 'refunded'
                                    THEN -amount ELSE 0 END)) AS held
    FROM payment GROUP BY intent
)
SELECT 'stock is not the sum of its ledger', product_id::text FROM stock JOIN ledger
USING (product_id) WHERE (stock.available, stock.committed) <> (ledger.available, ledger.committed)
UNION ALL
SELECT 'committed is not what orders have', product_id::text FROM stock
LEFT JOIN sold USING (product_id)
WHERE product_id = ANY(%s::bigint[]) AND committed <> coalesce(units, 0)
UNION ALL
SELECT 'an event took or gave units twice', min(reference) FROM ledger_entry
WHERE product_id = ANY(%s::bigint[]) GROUP BY product_id, cause, reference HAVING count(*) > 1
UNION ALL
SELECT 'a status is not that of the last event', mine.id::text FROM mine
WHERE status <> (SELECT to_status FROM order_event WHERE order_id = mine.id
                 ORDER BY position DESC LIMIT 1)
UNION ALL
SELECT 'an event does not follow from the one before', id::text FROM (
    SELECT event.*, lag(to_status) OVER (PARTITION BY order_id ORDER BY position) AS before
    FROM order_event event JOIN mine ON mine.id = order_id
) AS event WHERE before <> from_status
UNION ALL
SELECT 'a version does not count the events', mine.id::text FROM mine
WHERE version < (SELECT count(*) FROM order_event WHERE order_id = mine.id)
UNION ALL
SELECT 'an order that holds nothing has held lines', mine.id::text FROM mine
JOIN held_line ON "order" = mine.id WHERE status <> 'pending'
UNION ALL
SELECT 'a refund due is not what the shop holds too much', mine.id::text FROM mine
LEFT JOIN paid ON paid."order" = mine.id::text LEFT JOIN refund_due ON refund_due."order" = mine.id
WHERE coalesce(refund_due.amount, 0) <> greatest(0, coalesce(paid.held, 0) - CASE
    WHEN status IN ('cancelled', 'expired') THEN 0 ELSE round(total * 100) END)
"""


def faults(products: Sequence[int]) -> list[str]:
    """The rows that contradict each other, of products with an opening stock."""
    rows = database.rows(_FAULTS, [list(products)] * 4)
    return [f"{what}: {row}" for what, row in rows]
