"""Records and reads payments."""

from larder.core.money import DIGITS

_DIGITS = " ".join(f"WHEN '{code}' THEN {digits}" for code, digits in DIGITS.items())

MINOR_DIGITS = f'CASE "order".currency {_DIGITS} ELSE 2 END'

PAYABLE = f"(round(total, least({MINOR_DIGITS}, 2)) * 10::numeric ^ {MINOR_DIGITS})"
"""What an order costs in minor units, as payment_state.py: `payable`."""

LOCK_PAYMENT = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 9))"
"""Makes the transactions that write records of the same intent, or of the same id without an order,
wait for each other. The hash may be that of another text: then two wait without need."""

RECORD_PAYMENT = """
INSERT INTO payment ("order", provider, kind, transaction_id, intent, amount, currency, at,
                     recorded_at, actor, reference, note)
VALUES (%(order)s, %(provider)s, %(kind)s, %(transaction_id)s, %(intent)s, %(amount)s, %(currency)s,
        %(at)s, %(recorded_at)s, %(actor)s, %(reference)s, %(note)s)
ON CONFLICT (provider, kind, transaction_id) DO NOTHING
RETURNING id
"""
"""Waits for a transaction that records the same movement. Returns no row if it is recorded: the
ORM's insert that ignores a conflict does not say so, and one within a savepoint takes 0.8 ms in
place of 0.3 and makes PostgreSQL log an error for each repeated event."""

RECORDS = """
SELECT id, provider, kind, transaction_id, intent, amount, currency, at, recorded_at, actor,
       reference, note
FROM (
    SELECT * FROM payment WHERE "order" = %(order)s
    UNION ALL
    SELECT * FROM payment
    WHERE "order" IS NULL AND intent <> '' AND (provider, intent) IN (
        SELECT provider, intent FROM payment WHERE "order" = %(order)s AND intent <> ''
    )
) AS payment
WHERE id > %(after)s ORDER BY id LIMIT %(limit)s
"""
"""A page of the records of an order, and of those that were kept without an order and have the
intent of one of them; the limit may be null. Index scans of payment_of_order and payment_of_intent.
The ORM compares no two columns with a subquery: its EXISTS is planned as a join with all records
without an order."""

TELL_REFUNDS = """
WITH untold AS (
    SELECT id, told FROM refund_due WHERE told IS DISTINCT FROM amount
    ORDER BY since, id LIMIT %s FOR UPDATE SKIP LOCKED
)
UPDATE refund_due SET told = amount FROM untold WHERE refund_due.id = untold.id
RETURNING "order", currency, coalesce(untold.told, 0) < amount,
    (SELECT customer_id FROM "order" WHERE "order".id = refund_due."order")
"""
"""Scans the index refund_due_by_age, whose rows are the refunds that are not paid. An order's
transaction never waits for more than these updates, and what it has locked is told later."""
