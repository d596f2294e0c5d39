"""The invariants of stock, its ledger and held lines."""

from larder.ops.books import Invariant

ORDER_CAUSES = (
    "('order', 'hold', 'release', 'change', 'cancel', 'pack', 'missing', 'ship', 'unship', "
    "'return')"
)
"""Causes of ledger entries that refer to an order event. `opening` refers to the product; all other
causes are reasons of adjustments."""

UNSHIPPED_STATUSES = "('placed', 'packed')"
SHIPPED_STATUSES = "('shipped', 'delivered', 'returned')"

_LEDGER = "the product's ledger (GET products/{id}/ledger) beside its stock row"
_EVENTS = "the order's events beside its ledger entries"

INVARIANTS = (
    Invariant(
        "stock_is_the_sum_of_its_ledger",
        "Available and committed equal the sums of all changes in the ledger.",
        f"what wrote stock without inventory.services.movements.move: {_LEDGER}",
        """
SELECT product_id, stock.available, stock.committed,
       summed.available AS ledger_available, summed.committed AS ledger_committed
FROM stock FULL JOIN (
    SELECT product_id, sum(available_change) AS available, sum(committed_change) AS committed
    FROM ledger_entry GROUP BY product_id
) AS summed USING (product_id)
WHERE coalesce(stock.available, 0) <> coalesce(summed.available, 0)
   OR coalesce(stock.committed, 0) <> coalesce(summed.committed, 0)
""",
    ),
    Invariant(
        "ledger_is_an_unbroken_chain",
        "Each ledger entry's balances equal those of the entry before it plus its change.",
        "an entry that was deleted, changed, or written without the lock of the stock row",
        """
SELECT id, product_id, cause, reference, available_before, available_change, available_after,
       committed_before, committed_change, committed_after
FROM (
    SELECT *, lag(available_after, 1, 0) OVER earlier AS available_before,
           lag(committed_after, 1, 0::bigint) OVER earlier AS committed_before
    FROM ledger_entry WINDOW earlier AS (PARTITION BY product_id ORDER BY id)
) AS entry
WHERE available_after <> available_before::bigint + available_change
   OR committed_after <> committed_before + committed_change
""",
    ),
    # Orders move units between available and committed. Shipped and missing units leave committed.
    # All other causes change only available.
    Invariant(
        "movements_fit_their_cause",
        "Each ledger entry changes available and committed as its cause allows.",
        "what wrote the entry: its reference is the order event or the adjustment",
        """
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
""",
    ),
    Invariant(
        "adjustments_explain_their_entries",
        "Entries with a reason of staff, and no others, refer to an adjustment with that reason.",
        "the adjustment table; adjustments are never deleted",
        f"""
SELECT entry.id, entry.product_id, entry.cause, entry.reference, adjustment.reason
FROM ledger_entry AS entry LEFT JOIN adjustment ON adjustment.id::text = entry.reference
WHERE CASE
    WHEN entry.cause = 'opening' OR entry.cause IN {ORDER_CAUSES} THEN adjustment.id IS NOT NULL
    ELSE adjustment.reason IS DISTINCT FROM entry.cause
END
""",
    ),
    # A held line is deleted when its order is confirmed, cancelled or marked as expired.
    Invariant(
        "held_lines_are_those_of_pending_orders",
        "Each line of a pending order has a held line with its units and its expiry; no other "
        "order has one.",
        "what changed the order without its held lines: larder/inventory/services/movements.py",
        """
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
""",
    ),
    Invariant(
        "no_held_line_expires_before_the_next_expiry",
        "A product's next expiry is not later than those of its held lines that are not released.",
        "what wrote a held line without the stock row: its units would not be released in time",
        """
SELECT product_id, stock.next_expiry, line.expires_at
FROM held_line AS line JOIN stock USING (product_id)
WHERE released_at IS NULL AND (stock.next_expiry <= line.expires_at) IS NOT TRUE
""",
    ),
    # The units that an order took, minus those that a change, a cancellation or packing gave back,
    # are still to be shipped, were shipped, or were missing. A line that was removed from an order
    # gave all its units back, except missing ones. An order that is not confirmed has the units of
    # its held lines that are not released.
    Invariant(
        "order_lines_are_in_the_ledger",
        "The ledger entries of an order's events took exactly the units of its lines.",
        _EVENTS,
        f"""
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
""",
    ),
    Invariant(
        "entries_fit_their_event",
        "Each ledger entry of an order refers to an event of a type that can have its cause.",
        f"{_EVENTS}; if it has no event, an order that was lost or half written",
        f"""
SELECT entry.id, entry.product_id, entry.cause, entry.reference, event.order_id, event.type
FROM ledger_entry AS entry LEFT JOIN order_event AS event ON event.id::text = entry.reference
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
""",
    ),
    Invariant(
        "what_was_not_picked_is_in_the_events",
        "Units that were missing in packing, or left on the shelf, are those in the event.",
        _EVENTS,
        """
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
""",
    ),
    Invariant(
        "returns_are_in_the_events",
        "The returned units of a line are those in the return events, and the restocked ones are "
        "in the ledger.",
        _EVENTS,
        """
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
""",
    ),
)
