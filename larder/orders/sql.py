"""The SQL of orders, and the plans that it relies on.

Tests compare the statements with the ORM (tests/orders/test_*sql.py), and the feed with the current
orders (test_order_feed.py). Locks alone have no such test.

Docstrings say what the ORM lacks, or what its version takes: medians on two cores, with the
database on the same machine.
"""

from typing import NamedTuple

from larder.core.limits import MAX_PAGE_BYTES, MAX_PAGE_LINES


class _Kind(NamedTuple):
    """What differs between the statements that write placed and held orders."""

    status: str
    event: str
    column: str = ""
    array: str = ""
    value: str = ""


_PLACED = _Kind("placed", "placed")
_HELD = _Kind(
    "pending", "held", ", expires_at", ", %s::timestamptz[]", ", expires_at = placed.expires_at"
)


def _insert(kind: _Kind) -> str:
    return f"""
WITH new_order AS (
    INSERT INTO "order" (id, customer_id, status, currency, total, note, reference, ship_to,
                         requested_for, created_at, placed_at, updated_at, lines_fingerprint,
                         rest_fingerprint, version{kind.column})
    SELECT id, customer_id, '{kind.status}', %s, total, note, reference, ship_to, requested_for, %s,
           %s, %s, lines_fingerprint, rest_fingerprint, 1{kind.column}
    FROM unnest(%s::uuid[], %s::bigint[], %s::numeric[], %s::text[], %s::text[], %s::jsonb[],
                %s::date[], %s::bytea[], %s::bytea[]{kind.array})
         AS placed (id, customer_id, total, note, reference, ship_to, requested_for,
                    lines_fingerprint, rest_fingerprint{kind.column})
    RETURNING id, number
), new_line AS (
    INSERT INTO order_line (placed_at, order_id, product_id, sku, name, unit_price, quantity,
                            tax_rate)
    SELECT %s, line.*
    FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::numeric[], %s::int[],
                %s::numeric[])
         AS line
    RETURNING id
), new_event AS (
    INSERT INTO order_event (id, order_id, type, from_status, to_status, actor, at, data)
    SELECT id, order_id, '{kind.event}', '', '{kind.status}', actor, %s, '{{}}'::jsonb
    FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[]) AS event (id, order_id, actor)
)
SELECT ARRAY(SELECT id FROM new_order), ARRAY(SELECT number FROM new_order),
       ARRAY(SELECT id FROM new_line ORDER BY id)
"""


INSERT = _insert(_PLACED)
"""Inserts orders, lines and events of a batch in one round trip: three inserts over function scans;
no table is read. Lines get their ids in the order of the arrays."""

INSERT_HELD = _insert(_HELD)
"""The same for orders with a hold."""


def _place_drafts(kind: _Kind) -> str:
    return f"""
WITH draft AS (
    UPDATE "order" SET status = '{kind.status}', currency = %s, placed_at = %s, updated_at = %s,
           total = placed.total, note = placed.note, reference = placed.reference,
           ship_to = placed.ship_to, requested_for = placed.requested_for,
           lines_fingerprint = placed.lines_fingerprint,
           rest_fingerprint = placed.rest_fingerprint, version = version + 1{kind.value}
    FROM unnest(%s::uuid[], %s::numeric[], %s::text[], %s::text[], %s::jsonb[], %s::date[],
                %s::bytea[], %s::bytea[]{kind.array})
         AS placed (id, total, note, reference, ship_to, requested_for, lines_fingerprint,
                    rest_fingerprint{kind.column})
    WHERE "order".id = placed.id AND "order".status = 'draft'
    RETURNING "order".id
), priced_line AS (
    UPDATE order_line SET placed_at = %s, sku = sold.sku, name = sold.name,
           unit_price = sold.unit_price, tax_rate = sold.tax_rate
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::numeric[], %s::numeric[])
         AS sold (id, sku, name, unit_price, tax_rate)
    WHERE order_line.id = sold.id
), new_event AS (
    INSERT INTO order_event (id, order_id, type, from_status, to_status, actor, at, data)
    SELECT id, order_id, '{kind.event}', 'draft', '{kind.status}', actor, %s, '{{}}'::jsonb
    FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[]) AS event (id, order_id, actor)
)
SELECT id FROM draft
"""


PLACE_DRAFTS = _place_drafts(_PLACED)
"""Places the drafts of a batch in one round trip, after each is locked and its lines are decided.
Index scans of order_pkey and order_line_pkey. Returns the drafts that were placed."""

PLACE_HELD_DRAFTS = _place_drafts(_HELD)
"""The same for carts that are submitted with a hold."""

LINES_OF_LOCKED = """
SELECT order_id, id, product_id, sku, name, quantity, unit_price, returned, ordered, tax_rate
FROM order_line WHERE order_id = ANY((SELECT %s::uuid[])::uuid[]) ORDER BY id
"""
"""Index scans of order_line_once. Submitted after the locks of orders, it reads under them."""

CHANGE_ORDERS = """
WITH changed AS (
    UPDATE "order" SET status = new.status, total = new.total, version = "order".version + 1,
           updated_at = %s
    FROM unnest((SELECT %s::uuid[]), (SELECT %s::text[]), (SELECT %s::int[]), (SELECT %s::text[]),
                (SELECT %s::numeric[])) AS new (id, was_status, was_version, status, total)
    WHERE "order".id = new.id AND "order".status = new.was_status
      AND "order".version = new.was_version
    RETURNING "order".id
), new_event AS (
    INSERT INTO order_event (id, order_id, type, from_status, to_status, actor, at, data)
    SELECT id, order_id, type, from_status, to_status, actor, %s, data
    FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::uuid[], %s::jsonb[])
         AS event (id, order_id, type, from_status, to_status, actor, data)
)
SELECT id FROM changed
"""
"""Changes locked orders and writes their events, in one round trip. Index scans of order_pkey.
Returns the orders that had the given status and version. Stock rows are locked meanwhile, and the
ORM takes 17 ms for 100 orders in place of 4, and 1.5 for one in place of 0.7."""

OPEN_HOLDS = """
SELECT holder.id, (
    SELECT count(*) FROM "order" WHERE customer_id = holder.id AND status = 'pending'
       AND expires_at > (SELECT clock_timestamp())
)
FROM unnest((SELECT %s::bigint[])) AS holder (id)
"""
"""Counts the orders of each customer that await their payment, by index-only scans of order_held.
Grouped by customer, PostgreSQL would read those of all customers. Before it, LOCK_HOLDERS waits for
transactions that add some, and the ORM would take 0.8 ms of that lock in place of 0.1."""

LOCK_HOLDERS = """
SELECT pg_advisory_xact_lock((8::bigint << 48) + customer)
FROM unnest((SELECT %s::bigint[])) AS holder (customer)
"""
"""Locks the customers in the order of the array until the transaction ends: a function scan. Two
transactions could otherwise each add the last hold of a customer."""

SET_LINES = """
UPDATE order_line SET quantity = COALESCE(new.quantity, order_line.quantity),
       ordered = NULLIF(COALESCE(new.ordered, order_line.ordered), 0),
       returned = COALESCE(new.returned, order_line.returned)
FROM unnest(%s::bigint[], %s::int[], %s::int[], %s::int[]) AS new (id, quantity, ordered, returned)
WHERE order_line.id = new.id
"""
"""Updates the lines of one order; null leaves a value unchanged, and 0 removes `ordered`. Index
scans of order_line_pkey. Stock rows are locked meanwhile, and Django's bulk_update takes eight
times as long for 1,000 lines."""

RENEW_DRAFT = """
WITH draft AS (
    UPDATE "order" SET id = %s, number = DEFAULT, version = version + 1, updated_at = %s
    WHERE id = %s AND status = 'draft'
)
UPDATE order_line SET order_id = %s WHERE order_id = %s
"""
"""Gives a locked draft another id and number. It keeps its lines. Index scans of order_pkey and
order_line_once. The ORM cannot set a column to the next value of its sequence, nor change an id
and the foreign keys to it at once."""

_STATUS = """CASE WHEN status = 'pending' AND expires_at <= clock_timestamp() THEN 'expired'
       ELSE status END AS status"""
"""A hold has expired from its expiry on, whenever the job stores the status."""

_COLUMNS = f"""SELECT "order".id, number, customer_id, {_STATUS}, currency, total, note, reference,
       requested_for, created_at, "order".placed_at, updated_at, version, expires_at, carrier,
       tracking_number, authorised, captured, refunded, disputed, ship_to"""
_BRIEF_COLUMNS = f"""SELECT "order".id, number, customer_id, {_STATUS}, currency, total, '' AS note,
       '' AS reference, NULL::date AS requested_for, created_at, "order".placed_at, updated_at,
       version, expires_at, '' AS carrier, '' AS tracking_number, authorised, captured, refunded,
       disputed, NULL::text AS ship_to"""


class Walk(NamedTuple):
    """A way to read the history, newest first: its columns, its source, and its conditions for
    placed orders and for the orders of a customer."""

    source: str
    moment: str
    id: str
    placed: str
    customer: str

    @property
    def orders(self) -> str:
        """The statement that reads orders in this way, up to its conditions."""
        return _COLUMNS + self.source

    @property
    def counted(self) -> str:
        """The statement that counts them, up to its conditions: a range of the same indexes."""
        return f"SELECT count(*){self.source}"


PLACED = '"order".placed_at IS NOT NULL'

BY_ORDER = Walk(
    ' FROM "order"',
    '"order".placed_at',
    '"order".id',
    PLACED,
    '"order".customer_id = (SELECT %s::bigint)',
)
"""The subselect hides the customer from the planner (larder/inventory/sql.py), so that the plan is
the same for customers with many orders and with few."""

BY_LINE = Walk(
    ' FROM "order" JOIN order_line ON order_line.order_id = "order".id',
    "order_line.placed_at",
    "order_line.order_id",
    f"order_line.placed_at IS NOT NULL AND {PLACED}",
    '"order".customer_id = %s::bigint',
)
"""A line has the time of its order, by which the index order_line_search is sorted.

The condition on the order is repeated, because all indexes of orders are partial indexes of placed
orders. Without it, the orders of one customer with a product or a reference are searched among all
orders (of 100,000 orders 200 ms instead of 0.4). The customer is not hidden from the planner: for a
customer with few orders it reads these, for one with very many those of the product (0.1 ms instead
of 95)."""

ORDERS = BY_ORDER.orders
"""Placed orders and drafts. To compile the ORM's version takes 0.7 ms more, in each request."""

BRIEF_ORDERS = _BRIEF_COLUMNS + BY_ORDER.source
"""The same without the texts of the customer, up to 14 KB for each order. The earlier contracts do
not show them, and read long lists at once."""

LINES = f"""
SELECT * FROM (
    SELECT found.*, sum(octet_length(sku) + octet_length(name)) OVER (ROWS UNBOUNDED PRECEDING)
           AS bytes
    FROM (
        SELECT line.* FROM unnest((SELECT %s::uuid[])::uuid[]) AS wanted (id)
        CROSS JOIN LATERAL (
            SELECT "order".id, version, order_line.id AS line, product_id, sku, name, quantity,
                   unit_price, returned, ordered, tax_rate
            FROM "order" JOIN order_line ON order_line.order_id = "order".id
            WHERE "order".id = wanted.id ORDER BY order_line.id
        ) AS line
        LIMIT {MAX_PAGE_LINES + 1}
    ) AS found
) AS measured
WHERE bytes - octet_length(sku) - octet_length(name) <= {MAX_PAGE_BYTES} OR id = %s
"""
"""For each order, in the order of the ids, an index scan of order_pkey and one of order_line_once;
the scans stop at the limit. A row beyond MAX_PAGE_LINES shows that the last order is incomplete.
The version shows whether the order has changed since it was read. `bytes` is the size of the texts
up to and including a line. Lines after the one that exceeds MAX_PAGE_BYTES are not sent, except
those of the first order. Order and plan are as in larder/db/pages.py."""


EVENTS = f"""
SELECT id, type, from_status, to_status, actor, at, data, position, found
FROM (
    SELECT event.*, count(*) OVER () AS found, row_number() OVER oldest_first AS row_number,
           sum(size.entries) OVER oldest_first AS entries,
           sum(octet_length(data::text)) OVER oldest_first AS bytes
    FROM (
        SELECT id, type, from_status, to_status, actor, at, data, position FROM order_event
        WHERE order_id = %s AND position > %s ORDER BY position LIMIT %s
    ) AS event
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(jsonb_array_length(
            CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE value->'lines' END
        )), 0) AS entries
        FROM jsonb_each(event.data) WHERE jsonb_typeof(value) IN ('array', 'object')
    ) AS size
    WINDOW oldest_first AS (ORDER BY position)
) AS measured
WHERE row_number <= %s
  AND (entries <= {MAX_PAGE_LINES} AND bytes <= {MAX_PAGE_BYTES} OR row_number = 1)
ORDER BY position
"""
"""An index scan of order_event_history. The data of each event is decompressed once to count the
entries of its lists, also of `before` and `after` (101 events of 2,000 entries: 13 ms). Events
beyond the limit are not sent. `found` counts the events before that limit."""


def whole(wanted: str) -> str:
    """Returns the statement that reads some of the orders of a statement of ORDERS, by their ids,
    each with its lines as JSON: all of it in one snapshot."""
    return f"""
SELECT page.*, (
    SELECT jsonb_agg(jsonb_build_object(
        'id', line.id, 'product', product_id, 'sku', sku, 'name', name, 'quantity', quantity,
        'unit_price', unit_price::text, 'returned', returned, 'ordered', ordered,
        'tax_rate', tax_rate::text
    ) ORDER BY line.id)::text
    FROM order_line AS line WHERE line.order_id = page.id
)
FROM ({wanted}) AS page WHERE page.id = ANY(%s::uuid[])
"""


IDS = '"order".id = ANY((SELECT %s::uuid[])::uuid[])'

EXISTING = f'SELECT id FROM "order" WHERE {IDS}'
"""Index scans of order_pkey. The ORM could not send it together with other statements."""

LOCK = 'SELECT {} FROM "order" WHERE id = ANY((SELECT %s::uuid[])::uuid[]) ORDER BY id FOR UPDATE'
"""Index scans of order_pkey, sorted below LockRows, of the columns of the model. The ORM's is
planned for each number of ids."""

LOCK_FREE = f"{LOCK} SKIP LOCKED"

AS_GIVEN = 'array_position(%s::uuid[], "order".id)'

STATUS = '"order".status = %s'
STATUSES = '"order".status = ANY(%s::text[])'
NUMBER = '"order".number = %s::bigint'
PRODUCT = "order_line.product_id = %s::bigint"

REFERENCE = """"order".reference <> '' AND "order".reference = %s"""
"""Repeats the condition of the partial indexes, which have no orders without a reference. A generic
plan cannot know that the parameter is not empty."""

BY_NUMBER = "number + 0"
"""The number, written so that the index on numbers is not used: with it, PostgreSQL may read the
orders of all customers (270,000 in 52 ms) before the first one of this customer. So the customer's
orders are sorted (30,000 in 12 ms), and placing needs no further index."""

OWN_ORDERS = """(
    SELECT transaction_id, number AS position, id FROM {table}
    WHERE customer_id = (SELECT %s::bigint) AND placed_at IS NOT NULL
) AS own
    WHERE {behind}"""
"""The feed of one customer (larder/db/feed.py): one range of the index order_feed from the mark,
for any number of orders. The customer is hidden from the planner as above."""

OPEN_ORDERS = """
SELECT wanted.status,
    (SELECT count(*) FROM (SELECT FROM "order" AS one
     WHERE one.status = wanted.status AND placed_at IS NOT NULL LIMIT %s) AS counted),
    (SELECT min(placed_at) FROM "order" AS one
     WHERE one.status = wanted.status AND placed_at IS NOT NULL)
FROM unnest(%s::text[]) WITH ORDINALITY AS wanted (status, place) ORDER BY place
"""
"""For each status a range of order_search_by_status up to the limit, and its first entry. The ORM
takes two statements for each status."""

DUE_ORDERS = """
SELECT wanted.status,
    (SELECT count(*) FROM (SELECT FROM "order" AS one
     WHERE one.requested_for <= given.day AND one.status = wanted.status
       AND one.status IN ('placed', 'packed') LIMIT given.most) AS counted)
FROM (VALUES ('placed'), ('packed')) AS wanted (status),
    (SELECT %s::date, %s::integer) AS given (day, most)
"""
"""For each status a range of order_due up to the limit. The index has only orders that are placed
or packed, and requested for a day: others cost it nothing. The ORM takes a statement for each
status."""

ADD_REFUSED = """
INSERT INTO refused_orders (day, code, number)
SELECT * FROM unnest(%s::date[], %s::text[], %s::bigint[])
ON CONFLICT (day, code) DO UPDATE SET number = refused_orders.number + excluded.number
"""
"""Adds counts to days and codes. On a conflict, the ORM can set a value, but not add to it."""
