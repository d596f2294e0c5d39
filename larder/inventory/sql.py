"""Inventory's hand-written SQL, with the plans that it relies on.

test_sql.py, test_movement_sql.py and test_hold_sql.py of tests/inventory compare each statement
with the ORM. tests/orders/test_statement_plans.py checks the plans of writes.

`(SELECT %s::bigint[])` hides an array from the planner, and limits are part of the text. Otherwise,
with large tables, PostgreSQL prefers custom plans for each array and limit to a generic plan, and
plans the statement anew each time (tests/orders/test_plans_are_kept.py).
Source: "Prepare, Notes" and plan_cache_mode in PostgreSQL's manual.
"""

from collections.abc import Iterable

from larder.catalog.fields import COLUMNS
from larder.catalog.search import SORTED_LENGTH

LOCK = """
SELECT product_id, available, committed, coalesce(next_expiry <= clock_timestamp(), false)
FROM (
    SELECT product_id, available, committed, next_expiry FROM stock
    WHERE product_id = ANY((SELECT %s::bigint[])::bigint[]) ORDER BY product_id FOR NO KEY UPDATE
) AS locked
"""
"""Locks in the order of product ids, as all code does: by an index scan of stock_pkey, or by a sort
below LockRows. A multi-row UPDATE has no defined order. NO KEY UPDATE is enough, because the key
never changes; foreign key checks of cart lines lock these rows FOR KEY SHARE, in any order.

The last column says whether held units have expired. The clock is read above LockRows, so after the
wait for the row: PostgreSQL does not merge a subquery that locks rows into the query around it."""

LOCK_FREE = LOCK.replace("FOR NO KEY UPDATE", "FOR NO KEY UPDATE SKIP LOCKED")
"""The same without the rows that another transaction has locked."""

CLOCK = "SELECT clock_timestamp()"

DUE = """
SELECT id, product_id, event, quantity, (SELECT clock_timestamp()) FROM held_line
WHERE product_id = ANY((SELECT %s::bigint[])::bigint[]) AND released_at IS NULL
  AND expires_at <= (SELECT clock_timestamp()) ORDER BY expires_at, id FOR UPDATE SKIP LOCKED
"""
"""Locks the expired lines of locked products, by the index held_line_expiry, without those whose
order is just confirmed. The subselect reads the clock once, when this statement runs: after the
locks. In the statement that locks, the clock would be read before the wait."""

RELEASE = """
WITH released AS (
    UPDATE held_line SET released_at = %(now)s WHERE id = ANY(%(lines)s::bigint[])
)
UPDATE stock SET next_expiry = (
    SELECT min(expires_at) FROM held_line AS other
    WHERE other.product_id = stock.product_id AND other.released_at IS NULL
      AND other.id <> ALL(%(lines)s::bigint[])
)
WHERE product_id = ANY(%(products)s::bigint[])
"""
"""Marks lines as released. The stock then has the next expiry of its other lines, by the index
held_line_expiry: a statement does not see its own changes."""

HELD = """
SELECT "order", product_id, quantity, released_at IS NULL FROM held_line
WHERE "order" = ANY((SELECT %s::uuid[])::uuid[])
"""
"""Plan: index scans of held_line_once. With a condition on `released_at` PostgreSQL may read all of
held_line_expiry instead, whose statistics are those of an empty table."""

_FEWEST = "(p.min_quantity + p.step - 1) / p.step * p.step"
"""The units of the smallest order of a product: the least multiple of its step that is not below
its fewest units."""

_MOVE = f"""
WITH moved AS (
    UPDATE stock SET available = balance.available, committed = balance.committed,
        transaction_id = CASE
            WHEN (stock.available >= {_FEWEST}) <> (balance.available >= {_FEWEST})
            THEN pg_current_xact_id() ELSE stock.transaction_id
        END{{expiry}}
    FROM json_to_recordset(%s::json)
         AS balance (product_id bigint, available int, committed bigint{{column}})
         JOIN product AS p ON p.id = balance.product_id
    WHERE stock.product_id = balance.product_id
)
INSERT INTO ledger_entry (product_id, available_change, committed_change, available_after,
                          committed_after, cause, reference, actor, at)
SELECT entry.*, %s::timestamptz
FROM json_to_recordset(%s::json)
     AS entry (product bigint, available int, committed bigint, available_after int,
               committed_after bigint, cause text, reference text, actor uuid)
"""

MOVE = _MOVE.format(expiry="", column="")
"""Writes stock and ledger in one round trip. The balances were computed under the row locks, so
they are written directly. The CHECK constraints still apply. Plan: index scans of product_pkey and
stock_pkey for each balance. An array for each column takes a tenth more of the application's CPU.

A product that goes in or out of stock is in the feed again. Other rows keep their transaction id,
so that no index changes."""

MOVE_AND_HOLD = _MOVE.format(
    expiry=", next_expiry = least(next_expiry, balance.expires_at)",
    column=", expires_at timestamptz",
)
"""The same with the earliest expiry of the units that are held. `least` ignores null: other
products keep their next expiry."""

_SOURCE = "FROM product p JOIN stock s ON s.product_id = p.id"

AVAILABLE = f"""
SELECT p.id, s.available {_SOURCE}
WHERE p.id = ANY((SELECT %s::bigint[])::bigint[]) AND p.archived_at IS NULL ORDER BY p.id
"""
"""Index scans of product_pkey and stock_pkey. To compile the ORM's takes 0.5 ms."""
_COLUMNS = {name: f"p.{column}" for name, column in COLUMNS.items()} | {"quantity": "s.available"}
_EMPTY = {"description": "''"}


def products(fields: Iterable[str], *, brief: bool = False) -> str:
    """Returns the statement that reads these fields of products, without a filter and an order.
    With `brief` descriptions are empty: a page that does not show them does not read them.

    Plan of a page of the list: scans the index of its order (product_pkey, product_in_order,
    product_by_price, product_sku) from the cursor, and joins stock by its primary key, twenty
    times. Django's ORM takes 0.3 ms longer to compile its version, at each request.
    """
    sources = _COLUMNS | _EMPTY if brief else _COLUMNS
    columns = ", ".join(f"{sources.get(name, f'p.{name}')} AS {name}" for name in fields)
    return f"SELECT {columns} {_SOURCE}"


COUNT = f"SELECT count(*) {_SOURCE}"

IDS = "p.id = ANY((SELECT %s::bigint[])::bigint[])"

ANY, NONE = "TRUE", "FALSE"

AT_LEAST, AT_MOST = "p.price >= %s", "p.price <= %s"

IN_STOCK, WITHOUT_STOCK = f"s.available >= {_FEWEST}", f"s.available < {_FEWEST}"

LISTED = "p.archived_at IS NULL"
"""The condition of the partial indexes of the list's orders."""

FOLDED = "(SELECT fold(%s))"
"""A folded text. In a subselect it is made once, not for each row."""

SAME_SKU = f"fold(p.sku) = {FOLDED}"

SAME_BARCODE = "p.barcode IN (%s, %s) AND p.barcode > ''"
"""One of two texts. The second half is the condition of the partial index product_by_code: without
it a generic plan cannot use it."""

BELOW_CATEGORY = """p.category_id IN (
    WITH RECURSIVE below AS (
        SELECT id FROM category WHERE id = %s
        UNION SELECT c.id FROM category c JOIN below ON c.parent_id = below.id
    ) SELECT id FROM below)"""

CONTAINS = f"strpos(p.search_text, {FOLDED}) > 0"
"""A word anywhere in the name or the SKU, checked row by row: 0.5 µs for each row."""

_NAME = "split_part(p.search_text, E'\\n', 1)"

NAME_CONTAINS = f"strpos({_NAME}, {FOLDED}) > 0"
"""A text anywhere in the name."""


def has_trigrams(texts: int) -> str:
    """Returns the condition with which the index product_search finds rows that contain all texts.
    It is one for all texts: without the index it is computed for each row, in 0.2 ms."""
    return f"trigrams(p.search_text) @> ({' || '.join(['trigrams(fold(%s))'] * texts)})"


_BY_NAME = f"left({_NAME}, {SORTED_LENGTH})"

ORDERINGS = {"id": "p.id", "name": _BY_NAME, "price": "p.price", "sku": "p.sku"}
"""What the orderings of a list compare."""


def page(ordering: str, limit: int | None, *, is_later: bool) -> str:
    """Returns the order and the limit (None: all) of a list of products; of a later page behind the
    condition for rows after a value of the ordering and an id."""
    column = ORDERINGS[ordering.removeprefix("-")]
    direction, comparison = ("DESC", "<") if ordering.startswith("-") else ("ASC", ">")
    value = f"left({FOLDED}, {SORTED_LENGTH})" if column == _BY_NAME else "%s"
    condition = f" AND ({column}, p.id) {comparison} ({value}, %s)"
    if column == ORDERINGS["id"]:
        # The condition is on both sides of the join. Otherwise stock is scanned from its start.
        condition = f" AND p.id {comparison} %s AND s.product_id {comparison} %s"
    rows = "ALL" if limit is None else f"{limit:d}"
    order = f" ORDER BY {column} {direction}, p.id {direction} LIMIT {rows}"
    return condition + order if is_later else order


MAY_SCAN = "SET LOCAL enable_seqscan = on"
"""For OUT_OF_STOCK, in its transaction: the server's role has sequential scans off."""

OUT_OF_STOCK = f"""
SELECT count(*), count(*) FILTER (WHERE {WITHOUT_STOCK}),
    count(*) FILTER (WHERE s.available <= p.low_stock_threshold)
FROM stock s JOIN product p ON p.id = s.product_id WHERE p.archived_at IS NULL
"""
"""Plan: a full scan of both tables, 15 ms for 50,000 products; so a job runs it. An index of rows
without stock would make every sale slower."""

STATES = f"""
SELECT p.id, p.transaction_id::text::bigint, p.updated_at,
    CASE WHEN {WITHOUT_STOCK} THEN 'out' WHEN s.available <= p.low_stock_threshold THEN 'low'
         ELSE 'back' END,
    p.archived_at IS NULL
{_SOURCE} WHERE """
STATES_OF = f"{STATES}{IDS}"
"""Index scans of product_pkey and stock_pkey."""
STATES_AFTER = f"{STATES}p.id > %s AND s.product_id > %s ORDER BY p.id LIMIT %s"
"""Merges the ranges of product_pkey and stock_pkey from an id on."""
