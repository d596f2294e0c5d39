"""Inventory's hand-written SQL, and the plans it relies on.

Each statement is compared with its plain ORM version in tests/inventory/test_sql.py and
test_movement_sql.py.

`(SELECT %s::bigint[])` hides an array from the planner, and limits are part of the text: with
them PostgreSQL thinks a plan for this very array or limit better than one for any, as soon as the
tables are large, and plans the statement anew each time (tests/orders/test_plans_are_kept.py).
Source: "Prepare, Notes" and plan_cache_mode in PostgreSQL's manual.
"""

from collections.abc import Iterable

from larder.catalog.fields import COLUMNS

LOCK = """
SELECT product_id, available, committed FROM stock
WHERE product_id = ANY((SELECT %s::bigint[])::bigint[]) ORDER BY product_id FOR NO KEY UPDATE
"""
"""Locks in product order, the one order everywhere: the index scan of stock_pkey gives it, or a
sort below LockRows. A multi-row UPDATE would lock in no order at all. Nobody changes the key: lines
of carts lead to these rows, and to check that locks them FOR KEY SHARE, in any order."""

LOCKED = """
WITH free AS (
    SELECT product_id FROM stock WHERE product_id = ANY((SELECT %s::bigint[])::bigint[])
    FOR NO KEY UPDATE SKIP LOCKED
)
SELECT product_id FROM stock WHERE product_id = ANY((SELECT %s::bigint[])::bigint[])
EXCEPT SELECT product_id FROM free
"""
"""Which rows another transaction has locked. It waits for none, so it needs no order."""

MOVE = """
WITH moved AS (
    UPDATE stock SET available = balance.available, committed = balance.committed
    FROM unnest((SELECT %s::bigint[]), (SELECT %s::int[]), (SELECT %s::bigint[]))
         AS balance (product_id, available, committed)
    WHERE stock.product_id = balance.product_id
)
INSERT INTO ledger_entry (product_id, available_change, committed_change, available_after,
                          committed_after, cause, reference, actor, at)
SELECT entry.*, %s FROM unnest(%s::bigint[], %s::int[], %s::bigint[], %s::int[], %s::bigint[],
                               %s::text[], %s::text[], %s::uuid[]) AS entry
"""
"""Stock and ledger in one round trip. The rows are locked and the balances were counted under
the lock, so they are written as they are; the CHECKs still stand behind them."""

_SOURCE = "FROM product p JOIN stock s ON s.product_id = p.id"
_COLUMNS = {name: f"p.{column}" for name, column in COLUMNS.items()} | {"quantity": "s.available"}


def products(fields: Iterable[str]) -> str:
    """Returns the statement that reads these fields of products, to be narrowed and ordered.

    A page of the list: walks the index of its order (product_pkey, product_by_name,
    product_by_price, product_sku) from the cursor and joins stock by its primary key, twenty times.
    The plain ORM version takes 0.3 ms longer to be compiled, at each request.
    """
    columns = ", ".join(_COLUMNS.get(name, f"p.{name}") for name in fields)
    return f"SELECT {columns} {_SOURCE}"


COUNT = f"SELECT count(*) {_SOURCE}"

IDS = "p.id = ANY((SELECT %s::bigint[])::bigint[])"

LISTED = "p.archived_at IS NULL"
"""The condition of the partial indexes of the list's orders."""

EXACT = "p.{0} = %s AND p.{0} > ''"
"""A text, exactly. The second half is the condition of partial indexes such as product_by_barcode:
a plan that is made for any text could not use them without."""

BELOW_CATEGORY = """p.category_id IN (
    WITH RECURSIVE below AS (
        SELECT id FROM category WHERE id = %s
        UNION SELECT c.id FROM category c JOIN below ON c.parent_id = below.id
    ) SELECT id FROM below)"""

CONTAINS = "strpos(p.search_text, lower(%s)) > 0"
"""A word anywhere in name or SKU, looked for row by row: 0.5 µs a row."""

NAME_CONTAINS = "strpos(lower(p.name), lower(%s)) > 0"
"""A text anywhere in the name."""


def has_trigrams(texts: int) -> str:
    """The condition with which the index product_by_trigram finds what contains all of the texts.

    One for all of them, for without the index it is computed for each row that has them: 0.2 ms.
    """
    return f"trigrams(p.search_text) @> ({' || '.join(['trigrams(lower(%s))'] * texts)})"


OUT_OF_STOCK = """
SELECT count(*), count(*) FILTER (WHERE s.available = 0)
FROM stock s JOIN product p ON p.id = s.product_id WHERE p.archived_at IS NULL
"""
"""Plan: both tables once from end to end, 15 ms for 50,000 products; so it is asked by a job. With
an index of what is at zero every sale would have to look at it, and write to more pages."""
