"""The invariants of orders, payments and idempotency keys.

The rules of larder/orders/payment_state.py are written a second time, so that an error in one of
them is found.
"""

from larder.core.money import DIGITS
from larder.ops.books import Invariant

_NOT_HUNDREDTHS = " ".join(f"WHEN '{code}' THEN {digits}" for code, digits in DIGITS.items())

_IN_TENS = " ".join(f"WHEN '{code}' THEN -1" for code, digits in DIGITS.items() if digits == 3)

_SUMS = """
record AS (
    SELECT "order", kind, provider, transaction_id, intent, amount, currency
    FROM payment WHERE "order" IS NOT NULL
    UNION ALL
    SELECT known."order", stray.kind, stray.provider, stray.transaction_id, stray.intent,
           stray.amount, stray.currency
    FROM payment AS stray JOIN (
        SELECT DISTINCT "order", provider, intent FROM payment
        WHERE "order" IS NOT NULL AND intent <> ''
    ) AS known USING (provider, intent)
    WHERE stray."order" IS NULL
), ended AS (
    SELECT DISTINCT "order", currency, provider, transaction_id AS name,
           'transaction' AS named_by, kind FROM record
    UNION
    SELECT "order", currency, provider, intent, 'intent', kind FROM record WHERE intent <> ''
), summed AS (
    SELECT "order", currency,
        coalesce(sum(amount) FILTER (WHERE kind = 'authorised' AND NOT is_used), 0) AS authorised,
        coalesce(sum(amount) FILTER (WHERE kind = 'captured'), 0) AS captured,
        coalesce(sum(amount) FILTER (WHERE kind = 'refunded' AND NOT is_failed), 0) AS refunded,
        coalesce(sum(amount) FILTER (WHERE kind = 'disputed' AND NOT is_won), 0) AS disputed
    FROM (
        SELECT record.*,
            coalesce(bool_or(ended.kind IN ('captured', 'authorisation_released')), false)
                AS is_used,
            coalesce(bool_or(ended.kind = 'refund_failed' AND named_by = 'transaction'), false)
                AS is_failed,
            coalesce(bool_or(ended.kind = 'dispute_won' AND named_by = 'transaction'), false)
                AS is_won
        FROM record LEFT JOIN ended ON ended."order" = record."order"
            AND ended.currency = record.currency AND ended.provider = record.provider
            AND ended.name = CASE named_by
                WHEN 'intent' THEN record.intent ELSE record.transaction_id END
        GROUP BY record."order", record.kind, record.provider, record.transaction_id,
                 record.intent, record.amount, record.currency
    ) AS marked GROUP BY "order", currency
)
"""

INVARIANTS = (
    Invariant(
        "totals_are_the_sum_of_lines",
        "Lines have an order, an order has lines, and its total is the sum of their amounts.",
        "what changed the lines or the total after placing: the order's events",
        """
SELECT order_id, "order".number, "order".status, "order".total, added.total AS lines_total,
       "order".units, added.units AS lines_units
FROM (SELECT *, id AS order_id FROM "order") AS "order" FULL JOIN (
    SELECT order_id, sum(quantity * unit_price) AS total, sum(quantity) AS units
    FROM order_line GROUP BY order_id
) AS added USING (order_id)
WHERE "order".total IS DISTINCT FROM added.total OR "order".units <> added.units
""",
    ),
    Invariant(
        "status_is_that_of_the_last_event",
        "Events have an order, an order has events, and its status is the one after the last.",
        "what wrote the order or its status without an event",
        """
SELECT order_id, "order".number, "order".status, last.type, last.to_status, last.at
FROM (SELECT *, id AS order_id FROM "order") AS "order" FULL JOIN (
    SELECT DISTINCT ON (order_id) order_id, type, to_status, at
    FROM order_event ORDER BY order_id, position DESC
) AS last USING (order_id)
WHERE "order".status IS DISTINCT FROM last.to_status
""",
    ),
    # A cart has no events before it is placed: the first event begins in no status or in draft.
    Invariant(
        "order_history_has_no_gaps",
        "Each event of an order begins in the status in which the event before it ended.",
        "two moves of one order that did not see each other, or a missing event",
        """
SELECT id, order_id, type, ended_in, from_status, to_status, at
FROM (
    SELECT *, lag(to_status, 1, '') OVER (PARTITION BY order_id ORDER BY position) AS ended_in
    FROM order_event
) AS event
WHERE from_status <> ended_in AND NOT (ended_in = '' AND from_status = 'draft')
""",
    ),
    # All transitions that larder/orders/lifecycle.py allows, listed independently.
    Invariant(
        "moves_are_of_the_lifecycle",
        "Each event changes the status as the lifecycle allows.",
        "larder/orders/lifecycle.py, and what wrote the event without it",
        """
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
""",
    ),
    Invariant(
        "returned_orders_came_back_whole",
        "An order has the status returned exactly if all units of its lines are returned.",
        "the order's return events beside its lines",
        """
SELECT "order".id, "order".number, "order".status, added.ordered, added.returned
FROM "order" JOIN (
    SELECT order_id, sum(quantity) AS ordered, sum(returned) AS returned
    FROM order_line GROUP BY order_id
) AS added ON added.order_id = "order".id
WHERE ("order".status = 'returned') <> (added.returned >= added.ordered)
""",
    ),
    Invariant(
        "no_claim_is_left_open",
        "Each committed idempotency key has a result.",
        "the use case of the operation: it committed without settle or release",
        """
SELECT actor, operation, key, created_at FROM idempotency_key WHERE result = ''
""",
    ),
    Invariant(
        "keys_lead_to_orders",
        "Each idempotency key and client id of an order leads to an order that exists.",
        "what deleted the order: a repeat of its request is now answered with 404",
        """
SELECT claim.actor, claim.operation, claim.key, claim.result, "order".status
FROM idempotency_key AS claim LEFT JOIN "order" ON "order".id::text = claim.result
WHERE (claim.operation IN ('order-id', 'POST /api/v1/orders', 'POST /api/v1/cart/submit')
       OR claim.operation LIKE 'POST /api/v1/orders/%')
  AND claim.operation NOT LIKE '%/payments'
  AND claim.result NOT IN ('', 'abandoned')
  AND "order".id IS NULL
""",
    ),
    Invariant(
        "abandoned_ids_have_no_order",
        "No order and no cart has an abandoned id, as the client was promised.",
        "the order's events, beside larder/orders/services/abandon.py",
        """
SELECT claim.key AS id, "order".number, "order".status
FROM idempotency_key AS claim JOIN "order" ON "order".id::text = claim.key
WHERE claim.operation = 'order-id' AND claim.result = 'abandoned'
""",
    ),
    Invariant(
        "sums_of_payments_are_those_of_the_records",
        "The sums of an order's payments are those of its records in the order's currency.",
        "what wrote the sums without larder/orders/services/payments.py",
        f"""
WITH {_SUMS}
SELECT "order".id, number, "order".authorised, "order".captured, "order".refunded,
       "order".disputed, summed.authorised AS records_authorised,
       summed.captured AS records_captured, summed.refunded AS records_refunded,
       summed.disputed AS records_disputed
FROM "order" LEFT JOIN summed
    ON summed."order" = "order".id AND summed.currency = "order".currency
LEFT JOIN (SELECT DISTINCT "order" FROM record) AS paid ON paid."order" = "order".id
WHERE (coalesce("order".authorised, 0), coalesce("order".captured, 0),
       coalesce("order".refunded, 0), coalesce("order".disputed, 0))
   <> (coalesce(summed.authorised, 0), coalesce(summed.captured, 0),
       coalesce(summed.refunded, 0), coalesce(summed.disputed, 0))
   OR ("order".captured IS NULL) <> (paid."order" IS NULL)
""",
    ),
    Invariant(
        "refunds_due_are_what_is_held_too_much",
        "A refund is due exactly where the shop holds more than the order costs, and of that "
        "amount.",
        "the order's payments and events: what changed its total without the refund due",
        f"""
WITH {_SUMS}, cost AS (
    SELECT "order".id, "order".currency,
        CASE WHEN "order".status IN ('cancelled', 'expired') THEN 0 ELSE round(
            sum((quantity - returned) * unit_price)
            * 10::numeric ^ CASE "order".currency {_NOT_HUNDREDTHS} ELSE 2 END,
            CASE "order".currency {_IN_TENS} ELSE 0 END
        ) END AS payable
    FROM "order" JOIN order_line ON order_line.order_id = "order".id
    WHERE "order".captured IS NOT NULL
    GROUP BY "order".id
), expected AS (
    SELECT summed."order", summed.currency,
        greatest(captured - refunded - disputed, 0) - coalesce(payable, 0) AS due
    FROM summed LEFT JOIN cost ON cost.id = summed."order" AND cost.currency = summed.currency
)
SELECT "order", currency, refund_due.amount, greatest(due, 0) AS expected
FROM expected FULL JOIN refund_due USING ("order", currency)
WHERE coalesce(refund_due.amount, 0) <> greatest(coalesce(due, 0), 0)
""",
    ),
)
