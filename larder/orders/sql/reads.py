"""Reads orders, with their lines and events."""

from typing import NamedTuple

from larder.core.limits import MAX_PAGE_LINES
from larder.orders import lifecycle


class Walk(NamedTuple):
    """A way to read the history, newest first: its source, and its condition for the orders of a
    customer."""

    source: str
    moment: str
    id: str
    customer: str

    @property
    def orders(self) -> str:
        """The statement that reads orders in this way, up to its conditions."""
        return f'SELECT "order".*{self.source}'

    def page(self, where: str, limit: int, *, continued: bool) -> str:
        """Returns the statement of a page; `continued`: from behind a moment and an id. It compares
        rows, for which PostgreSQL starts in the middle of the index; with two comparisons and an OR
        it would not."""
        key = f"{self.moment}, {self.id}"
        behind = f" AND ({key}) < (%s, %s)" if continued else ""
        order = f"{self.moment} DESC, {self.id} DESC"
        return f"{self.orders}{where}{behind} ORDER BY {order} LIMIT {limit:d}"


BY_ORDER = Walk(
    ' FROM "order"',
    '"order".placed_at',
    '"order".id',
    '"order".customer_id = (SELECT %s::bigint)',
)
"""The subselect hides the customer from the planner: one plan for many orders and for few."""

BY_LINE = Walk(
    ' FROM "order" JOIN order_line ON order_line.order_id = "order".id',
    "order_line.placed_at",
    "order_line.order_id",
    '"order".customer_id = %s::bigint',
)
"""A line has the time of its order, by which the index order_line_search is sorted. The planner
sees the customer: it reads few orders of a customer, or else those of the product (0.1 ms, not 95).
"""

ORDERS = BY_ORDER.orders
"""Orders. To compile the ORM's version takes 0.7 ms more, in each request."""


_LINES = """(
    SELECT coalesce(json_agg(line ORDER BY id), '[]') FROM (
        SELECT id, product_id AS product, sku, name, quantity, unit_price::text, returned, ordered,
               tax_rate::text
        FROM order_line WHERE order_id = page.id
    ) AS line
)"""
"""The lines of an order: an index scan of order_line_once."""

_ORDER = f"""(
    SELECT row_to_json(shown)::text FROM (
        SELECT page.id, number, customer_id AS customer, CASE
               WHEN status = 'pending' AND expires_at <= clock_timestamp() THEN 'expired'
               ELSE status END AS status, currency, total::text, note, reference, requested_for,
               created_at, placed_at, updated_at, version, expires_at, ship_to, {_LINES} AS lines,
               CASE WHEN captured IS NOT NULL THEN json_build_object('authorised', authorised,
                   'captured', captured, 'refunded', refunded, 'disputed', disputed)
               END AS payments, carrier, tracking_number
    ) AS shown
)"""
"""An order as JSON. A hold has expired from its expiry on, whenever the job stores the status.
json_build_object takes a tenth longer."""


def with_lines(orders: str, more: str = "") -> str:
    """Returns the statement that reads the orders of a statement of ORDERS, in its order, each with
    its lines, and with `more` columns."""
    return f"SELECT {_ORDER}{more} FROM ({orders}) AS page"


def first_part(orders: str) -> str:
    """Returns the same statement for the first orders: up to a limit, which is one parameter more,
    and up to MAX_PAGE_LINES, but at least one order. The second column is how many `orders` finds.
    The rows of `orders` go through a nested loop and a WindowAgg, which keep their order."""
    return f"""
SELECT {_ORDER}, matching
FROM (
    SELECT page.*, count(*) OVER () AS matching, row_number() OVER in_order AS place,
           sum(size.lines) OVER in_order AS lines
    FROM ({orders}) AS page
    CROSS JOIN LATERAL (
        SELECT count(*) AS lines FROM order_line WHERE order_id = page.id
    ) AS size
    WINDOW in_order AS (ROWS UNBOUNDED PRECEDING)
) AS page
WHERE place <= %s AND (lines <= {MAX_PAGE_LINES} OR place = 1)
"""


IDS = '"order".id = ANY((SELECT %s::uuid[])::uuid[])'

WITH_IDS = f"{ORDERS} WHERE {IDS}"
"""Index scans of order_pkey."""

AS_GIVEN = f'{WITH_IDS} ORDER BY array_position(%s::uuid[], "order".id)'
"""The same in the order of the ids."""

STATUS = {status: f"'{status}'" for status in lifecycle.STATUSES}
"""They are a part of the text: a plan for a rare status is another one than for a common one."""

NUMBER = '"order".number = %s::bigint'
PRODUCT = "order_line.product_id = %s::bigint"

_LAST = BY_ORDER.page(f" WHERE {BY_ORDER.customer}", 1_000, continued=False)
PRODUCTS_OF_LAST = f"""
SELECT DISTINCT product_id FROM ({_LAST}) AS page JOIN order_line ON order_id = page.id
"""
"""The products of a customer's last orders: a range of the index order_history, then index scans of
order_line_once."""

REFERENCE = """"order".reference <> '' AND "order".reference = %s"""
"""Repeats the condition of the partial indexes, which have no orders without a reference. A generic
plan cannot know that the parameter is not empty."""

OWN_ORDERS = """(
    SELECT transaction_id, number AS position, id FROM {table}
    WHERE customer_id = (SELECT %s::bigint)
) AS own
    WHERE {behind}"""
"""The feed of one customer (larder/db/feed.py): one range of the index order_feed from the mark,
for any number of orders. The customer is hidden from the planner as above."""

EVENT = """concat('{"customer":', customer_id, ',"told":{"id":"', order_id, '","number":', number,
    ',"status":"', to_status, '","version":', version, ',"event":"', id, '","type":"', type,
    '","at":', replace(to_json(at)::text, '+00:00"', 'Z"'), '}}')"""
"""An event as JSON: whose order it is, and what is told of it, with the status after the event and
the present version of the order. With json_build_object and to_char it takes thrice the time."""

_TOLD = """event.transaction_id, event.position, event.id, order_id, type, to_status, at,
           customer_id, number, version"""

EVENTS = f"""(
    SELECT {_TOLD}
    FROM {{table}} AS event CROSS JOIN LATERAL (
        SELECT customer_id, number, version FROM "order"
        WHERE id = order_id AND ((SELECT %s::bigint[]) IS NULL
            OR customer_id IN (SELECT unnest((SELECT %s::bigint[]))))
        LIMIT 1
    ) AS "order"
) AS event WHERE {{behind}}"""
"""The feed of the events of all orders, or of those of many customers. Plan: the range of
order_event_feed from the mark, and a row by order_pkey for each; the customers are a hash table.
The limit keeps the planner from other joins, and from parallel workers, whose start takes longer.
"""

EVENTS_OF_ONE = f"""(
    SELECT {_TOLD}
    FROM (
        SELECT id AS own, customer_id, number, version FROM "order"
        WHERE customer_id = (SELECT %s::bigint) AND transaction_id >= (SELECT %s::text::xid8)
        OFFSET 0
    ) AS "order"
    CROSS JOIN LATERAL (SELECT * FROM {{table}} WHERE order_id = own OFFSET 0) AS event
) AS event WHERE {{behind}}"""
"""The same of one customer, after any mark. An event changes its order, so the order is in the
range of order_feed from the mark. Its events come by order_event_history: OFFSET keeps the planner
from the range of all events."""
