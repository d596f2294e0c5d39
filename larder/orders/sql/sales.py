"""What orders count in the books of a period (services/book_sales.py), and the figures of the
admin's dashboard."""

from larder.orders.sql.payments import MINOR_DIGITS, PAYABLE

BOOK_CHANGES = """
INSERT INTO sales_change (at, order_id, version, type, product, sku, name, unit_price, tax_rate,
                          quantity, gross, net, returned, returned_gross, returned_net)
SELECT %s::timestamptz, line.*
FROM unnest(%s::uuid[], %s::int[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::numeric[],
            %s::numeric[], %s::int[], %s::numeric[], %s::numeric[], %s::int[], %s::numeric[],
            %s::numeric[]) AS line
"""
"""Stock rows are locked meanwhile, and the ORM takes 0.7 ms of CPU for three lines."""


def _up_to(exact: str) -> str:
    """Returns a line's part of the rounded sum, in minor units (larder/orders/amounts.py)."""
    total = f"sum({exact}) OVER lines"
    part = f"round({total}, least(digits, 2)) - round({total} - {exact}, least(digits, 2))"
    return f"({part}) * 10::numeric ^ digits"


def _net(gross: str) -> str:
    """Returns round(a / b), as the whole part of (2 a + b) / 2 b: a quotient could be rounded
    twice."""
    return f"div(2 * {gross} * 10000 + rate, 2 * rate)"


BOOKED = f"""
WITH placed AS (
    SELECT id, currency, status, placed_at, {MINOR_DIGITS} AS digits FROM "order"
    WHERE placed_at >= %s AND placed_at < %s AND expires_at IS NULL
), line AS (
    SELECT order_line.*, currency, digits, 10000 + tax_rate * 100 AS rate,
           unit_price * quantity AS sold, unit_price * (quantity - returned) AS left_over
    FROM placed JOIN order_line ON order_id = placed.id WHERE status <> 'cancelled'
), amount AS (
    SELECT line.*, {_up_to("sold")} AS gross, {_up_to("left_over")} AS kept
    FROM line WINDOW lines AS (PARTITION BY order_id ORDER BY id)
), booked AS (
    SELECT order_id, 'placed' AS type, placed_at AS at, currency, product_id AS product, sku, name,
           unit_price, tax_rate, quantity, gross, {_net("gross")} AS net, returned,
           gross - kept AS returned_gross, {_net("gross")} - {_net("kept")} AS returned_net
    FROM amount
    UNION ALL
    SELECT order_id, 'placed', placed_at, currency, product, sku, name, unit_price, tax_rate,
           -quantity, -gross, -net, -returned, -returned_gross, -returned_net
    FROM placed JOIN sales_change ON order_id = placed.id
    UNION ALL
    SELECT order_id, type, at, currency, product, sku, name, unit_price, tax_rate,
           quantity, gross, net, returned, returned_gross, returned_net
    FROM sales_change JOIN "order" ON "order".id = order_id
    WHERE at >= %s AND at < %s
)
"""
"""What was booked from one moment until before another: the orders that were placed then, as they
were without their later changes; and the changes that were made then.

Ranges of order_search and sales_change_by_time; order_line_once and sales_change_of_order for each
of these orders, order_pkey for each change. Parameters: both moments, twice."""

BOOKINGS = f"""{BOOKED}
SELECT order_id, product, type, at, sku, name, unit_price, tax_rate, sum(quantity), sum(gross),
       sum(net), sum(returned), sum(returned_gross), sum(returned_net)
FROM booked GROUP BY at, order_id, type, product, sku, name, unit_price, tax_rate
HAVING sum(quantity) <> 0 OR sum(gross) <> 0 OR sum(returned) <> 0
ORDER BY at, order_id, product
"""

FIRST_BOOKED = """
SELECT least((SELECT min(placed_at) FROM "order" WHERE placed_at >= %s),
             (SELECT min(at) FROM sales_change WHERE at >= %s))
"""
"""The first entries of ranges of order_search and sales_change_by_time."""

_PERIOD = """
WITH period AS (
    SELECT days, days[1] AS begins, days[cardinality(days)] AS ends
    FROM (SELECT %s::timestamptz[] AS days) AS given
), placed AS (
    SELECT "order".* FROM period, "order" WHERE placed_at >= begins AND placed_at < ends
), change AS (
    SELECT sales_change.* FROM period, sales_change WHERE at >= begins AND at < ends
), later AS (
    SELECT sales_change.*, placed_at, currency FROM placed JOIN sales_change ON order_id = placed.id
    WHERE expires_at IS NULL
)"""
"""The days between the moments of an array, the orders that were placed in them, what changed sales
in them, and what changed those of the placed orders at any time. Ranges of order_search and
sales_change_by_time, and sales_change_of_order for each order."""

DAY_SALES = f"""{_PERIOD}, booked AS (
    SELECT placed_at AS at, currency, 1 AS orders, NULL::uuid AS cancelled,
           CASE WHEN status <> 'cancelled' AND expires_at IS NULL THEN {PAYABLE} ELSE 0 END AS units
    FROM placed AS "order"
    UNION ALL
    SELECT placed_at, currency, 0, NULL, -gross FROM later
    UNION ALL
    SELECT at, currency, 0, CASE WHEN type = 'cancelled' THEN order_id END, gross - returned_gross
    FROM change JOIN "order" ON "order".id = order_id
)
SELECT width_bucket(at, days) - 1 AS day, currency, sum(orders), count(DISTINCT cancelled),
       sum(units)
FROM booked, period GROUP BY day, currency ORDER BY day, currency
"""
"""For each day, counted from 0, and currency: the orders that were placed, those that were
cancelled, and the revenue in minor units, which is what was sold less what came back (BOOKED). The
parts of an order's lines add up to its rounded total, so no line is read."""

BEST_SELLERS = f"""{_PERIOD}, booked AS (
    SELECT product_id AS product, quantity FROM placed JOIN order_line ON order_id = placed.id
    WHERE status <> 'cancelled' AND expires_at IS NULL
    UNION ALL SELECT product, -quantity FROM later
    UNION ALL SELECT product, quantity FROM change
)
SELECT product, sum(quantity) AS units FROM booked GROUP BY product HAVING sum(quantity) > 0
ORDER BY units DESC, product LIMIT %s
"""
"""Reads order_line_once for each order."""
