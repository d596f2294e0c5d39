"""The output of pgbench is parsed, and its scripts write the same rows as Larder."""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from benchmarks import pgbench
from benchmarks.pgbench import Stock, Writes
from larder.core.ids import SYSTEM_ACTOR
from larder.db import database
from larder.ops.books import invariants
from larder.orders.decision import Wanted
from larder.orders.services.placing.place_order import place_order
from larder.orders.services.placing.placement import Placement, Terms

PRINTED = """\
number of transactions actually processed: 1234
number of failed transactions: 0 (0.000%)
"""


def test_the_number_of_transactions_is_read_from_what_pgbench_prints() -> None:
    assert pgbench.processed(PRINTED) == 1234
    assert pgbench.processed("") == 0


def test_a_log_line_gives_the_end_and_the_duration(tmp_path: Path) -> None:
    (tmp_path / "log.1").write_text("0 1 2500 0 1700000000 250000\n1 1 failed 0 1700000000 5\n")
    (tmp_path / "log.1.1").write_text("2 1 1000 0 1700000001 0\n")
    found = sorted((one.ended_at, one.latency) for one in pgbench.logged(tmp_path))
    assert found == [(1700000000.25, 0.0025), (1700000001.0, 0.001)]


def test_the_password_is_not_on_the_command_line() -> None:
    writes = Writes("order.sql", "postgresql://app:hidden@/shop", Stock(1, 9, 1, 1), 1, 0, 0)
    assert "hidden" not in " ".join(writes.command())
    assert writes.environment()["PGPASSWORD"] == "hidden"


TABLES = ("order", "order_line", "order_event", "ledger_entry")


@pytest.fixture
def stock(transactional_db: None, product: Callable[..., int], person: Callable[..., Any]) -> Stock:
    """Nine products and two customers, committed."""
    products = [product(stock=10_000) for _ in range(9)]
    customers = [person().id for _ in range(2)]
    return Stock(products[0], len(products), customers[0], len(customers))


def rows() -> dict[str, int]:
    """How many rows each table has that an order writes to."""
    counts = {}
    for table in TABLES:
        counts[table] = database.rows(f'SELECT count(*) FROM "{table}"')[0][0]
    return counts


def added(before: dict[str, int]) -> dict[str, int]:
    return {table: count - before[table] for table, count in rows().items()}


def test_pgbench_writes_as_many_rows_for_an_order_as_larder(stock: Stock, now: datetime) -> None:
    before = rows()
    lines = [Wanted(stock.first + place, 1) for place in (0, 3, 6)]
    asked = Placement(customer=stock.first_customer, actor=SYSTEM_ACTOR, lines=lines)
    place_order(asked, terms=Terms(currency="GBP"), now=now)
    larders = added(before)
    before = rows()
    writes = Writes("order.sql", os.environ["DATABASE_URL"], stock, 1, 0, 0)
    assert pgbench.fill(writes, 1) == 1
    assert added(before) == larders


@pytest.mark.parametrize(("script", "orders"), [("order.sql", 1), ("group.sql", 20)])
@pytest.mark.parametrize("hot", [False, True])
def test_invariants_hold_after_pgbench_with_four_connections(
    stock: Stock, script: str, orders: int, *, hot: bool
) -> None:
    writes = Writes(script, os.environ["DATABASE_URL"], stock, 4, 0, 0, hot=hot, orders=orders)
    placed = pgbench.fill(writes, 400)
    assert placed == 400
    assert rows()["order"] == 400
    assert [finding.invariant.name for finding in invariants.check().violated] == []
