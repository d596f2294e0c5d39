"""Each filter of the order history is one index scan that begins at the page."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from larder.core.ids import new_id
from larder.db import database
from larder.orders.queries import HistoryPosition, OrderFilter
from larder.orders.sql import reads
from tests.conftest import Person
from tests.database import analyze, generic_plan

HERS = 1
"""Represents the customer whose orders these are; `wanted` puts her id in its place."""

WAYS: dict[str, dict[str, Any]] = {
    "order_history": {"customer": HERS},
    "order_search": {"customer": None},
    "order_by_status": {"customer": None, "statuses": ("returned",)},
    "order_search_by_reference": {"customer": None, "reference": "PO 7"},
    "order_line_search": {"customer": None, "product": 7},
}


@pytest.fixture(autouse=True)
def choose(person: Callable[..., Person], now: datetime) -> Callable[..., OrderFilter]:
    """A shop's orders, and what is queried of them.

    Of an empty table, or one that was never analyzed, no index is better than another: these are
    four customers' orders in every state, a half of them with a reference, known to the planner.
    """
    people = [person().id for _ in range(4)]
    database.execute(_FILL, [people, now])
    analyze("order")

    def chosen(**fields: Any) -> OrderFilter:
        if fields.get("customer"):
            fields["customer"] = people[0]
        return OrderFilter(**fields)

    return chosen


_FILL = """
INSERT INTO "order" (id, customer_id, status, currency, total, note, reference, created_at,
                     placed_at, updated_at, version)
SELECT gen_random_uuid(), (%s::bigint[])[1 + n %% 4],
       (ARRAY['placed', 'packed', 'shipped', 'delivered', 'returned'])[1 + n / 4 %% 5],
       'GBP', 0, '', CASE WHEN n / 20 %% 2 = 0 THEN 'PO ' || n / 40 %% 10 ELSE '' END,
       at, at, at, 1
FROM (SELECT n, %s::timestamptz - make_interval(mins => n) AS at
      FROM generate_series(1, 2000) AS n) AS shop
"""


def plan(asked: OrderFilter, after: HistoryPosition | None) -> str:
    """Returns the plan of a page without sequential scans and sorting, as for a large table."""
    where, parameters = asked.conditions()
    parameters += [] if after is None else [after.placed_at, after.id]
    page = asked.walk.page(where, 22, continued=after is not None)
    for way in ("seqscan", "sort", "bitmapscan", "incremental_sort", "hashjoin", "mergejoin"):
        database.execute(f"SET LOCAL enable_{way} = off")
    return "\n".join(row[0] for row in database.rows(f"EXPLAIN {page}", parameters))


@pytest.mark.parametrize("index", WAYS)
@pytest.mark.parametrize("deep", [False, True], ids=["the first page", "a deep page"])
def test_a_page_is_read_from_its_index(
    index: str,
    deep: bool,
    choose: Callable[..., OrderFilter],
    now: datetime,
) -> None:
    after = HistoryPosition(now, new_id()) if deep else None
    lines = plan(choose(**WAYS[index]), after)
    assert f"Scan Backward using {index} " in lines
    assert "Sort" not in lines
    assert "Filter" not in lines, "what does not fit is read and left out"
    if deep:
        condition = next(line for line in lines.splitlines() if "ROW(" in line)
        assert "Index Cond" in condition, lines


@pytest.mark.parametrize("index", WAYS)
def test_a_time_range_is_limited_by_the_index(
    index: str,
    choose: Callable[..., OrderFilter],
    now: datetime,
) -> None:
    chosen = WAYS[index] | {"placed_after": now, "placed_before": now}
    lines = plan(choose(**chosen), None)
    (condition,) = [line for line in lines.splitlines() if "placed_at >" in line]
    assert "Index Cond" in condition
    assert "Sort" not in lines


def test_a_plan_for_any_reference_uses_its_index_too(db: None, now: datetime) -> None:
    """The server keeps statements prepared, and may plan them without looking at the values."""
    conditions, parameters = OrderFilter(None, reference="PO 7").conditions()
    assert parameters == ["PO 7"]
    asked = reads.ORDERS + conditions.replace("%s", "$1")
    database.execute("SET LOCAL enable_seqscan = off")
    assert "order_search_by_reference" in generic_plan(asked)
