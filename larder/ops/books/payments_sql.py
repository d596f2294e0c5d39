"""The SQL of the invariants of payments, as larder/ops/books/sql.py has those of orders and stock.

The rules of larder/orders/payment_state.py are written a second time, so that an error in one of
them is found.
"""

from larder.core.currencies import DIGITS

_NOT_HUNDREDTHS = " ".join(f"WHEN '{code}' THEN {digits}" for code, digits in DIGITS.items())

_IN_TENS = " ".join(f"WHEN '{code}' THEN -1" for code, digits in DIGITS.items() if digits == 3)

_SUMS = """
record AS (
    SELECT "order", kind, provider, transaction_id, intent, amount, currency
    FROM payment WHERE "order" IS NOT NULL
    UNION ALL
    SELECT known."order", kept.kind, kept.provider, kept.transaction_id, kept.intent, kept.amount,
           kept.currency
    FROM payment AS kept JOIN (
        SELECT DISTINCT "order", provider, intent FROM payment
        WHERE "order" IS NOT NULL AND intent <> ''
    ) AS known USING (provider, intent)
    WHERE kept."order" IS NULL
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

DIFFERS_FROM_RECORDS = f"""
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
"""

WRONG_REFUND_DUE = f"""
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
"""
