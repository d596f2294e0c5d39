"""The limits of growth, and the shops in which it is measured."""

import base64
import json
import os
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import psycopg
import pytest

from benchmarks.books import check_invariants
from benchmarks.growth import books, clocks, plot, report, writing
from benchmarks.growth.__main__ import chosen
from benchmarks.growth.books import Books
from benchmarks.growth.clocks import Cpu
from benchmarks.growth.course import Found, Taken, cpu, p99
from benchmarks.growth.questions import complete
from benchmarks.growth.shops import FILLING, Extent, fill_shops, warm
from benchmarks.growth.writing import Bytes, Written
from benchmarks.history.shops import ONE_WORKER, environment_for
from benchmarks.measurement import Cpu as Spent
from benchmarks.measurement import Measurement, summary
from tools.local_postgres import Cluster

WALKED = "SELECT indexrelname, idx_tup_read FROM pg_stat_user_indexes"
TOUCHED = ("stock_pkey", "product_pkey", "order_line_search", "ledger_entry_history")
NOT_FROZEN = """
SELECT relname FROM pg_class WHERE relname IN ('order_line', 'ledger_entry', 'order_event')
    AND relkind = 'r' AND relallvisible < relpages
"""

SMALL, MORE_PRODUCTS, MORE_ORDERS = Extent(10, 9), Extent(10, 90), Extent(100, 9)


def taken(factor: float = 1, postgresql: float = 0.1) -> Taken:
    """A hundred requests that took so many times as long as usual."""
    return Taken([0.001 * factor * number for number in range(1, 101)], Cpu(0.1, postgresql))


def found(*slower: float) -> Found:
    """A question that took so many times as long with more orders, round by round."""
    rounds = [
        {SMALL: taken(), MORE_PRODUCTS: taken(), MORE_ORDERS: taken(factor)} for factor in slower
    ]
    return Found("a page", rounds)


def test_the_shops_grow_along_each_axis_and_finally_along_both() -> None:
    assert chosen([10, 100, 50], [90, 9]) == [
        *(Extent(10, 9), Extent(10, 90), Extent(50, 9), Extent(100, 9), Extent(100, 90))
    ]
    assert chosen([10], [9]) == [Extent(10, 9)]


def test_a_ratio_is_the_median_of_the_ratios_of_rounds() -> None:
    assert found(1, 1, 9).ratio(MORE_ORDERS, p99) == pytest.approx(1)
    assert found(2, 1.5, 2).ratio(MORE_ORDERS, p99) == pytest.approx(2)


def test_cpu_time_is_in_microseconds_per_request() -> None:
    assert cpu(taken()) == pytest.approx(2000)


def test_a_shop_that_is_too_slow_is_named_with_the_measurement() -> None:
    assert found(1.2).missed() == []
    assert found(1.5).missed() == ["a page, 100 orders, 9 products: p99 1.50 times"]


def test_a_shop_with_a_higher_cost_is_named() -> None:
    dear = Found("a page", [{SMALL: taken(), MORE_ORDERS: taken(postgresql=0.3)}])
    assert dear.missed() == ["a page, 100 orders, 9 products: CPU 2.00 times"]


def written(hot: float = 0.99, stock_growth: float = 1.0) -> Written:
    cost = summary([Measurement(1, [0.01], Spent(0, 0, 0, 0), sent=1)], cores=1)
    sizes = {"order": Bytes(200, 400), "stock": Bytes(1, 0)}
    return Written(SMALL, 1000, cost, sizes, 5000, hot, stock_growth)


def test_stock_that_is_not_updated_in_place_fails_the_run() -> None:
    assert written().missed() == []
    assert len(written(hot=0.5).missed()) == len(written(stock_growth=3).missed()) == 1


def test_the_table_marks_values_beyond_the_limit() -> None:
    ratios = report.asking([found(1.5)])[1].splitlines()
    assert ratios[0] == "|  | 10 orders, 90 products | 100 orders, 9 products |"
    assert ratios[2] == "| a page | 1.00, 1.00 | **1.50**, 1.00 |"
    table = report.writing([written()])[1]
    assert "| of them order: table, indexes | 200, 400 |" in table
    assert "stock:" not in table


def test_the_plot_has_a_line_for_each_figure_on_both_axes() -> None:
    drawn = ET.fromstring(plot.svg([found(1.5), found(1)]))  # noqa: S314
    assert len(drawn.findall("{*}polyline")) == 2 * 2 * 2


def test_the_clock_of_a_process_counts_all_its_threads_finely() -> None:
    pid = os.getpid()
    first, before = clocks.cpu_seconds(pid), time.process_time()
    while time.process_time() < before + 0.003:
        pass
    assert 0.003 <= clocks.cpu_seconds(pid) - first < 1
    with pytest.raises(OSError, match="Invalid argument"):
        clocks.cpu_seconds(2**22 + 1)


def test_the_mark_is_that_of_a_client_with_a_full_copy() -> None:
    raw = json.dumps(["product-changes", "7.1", 12, 34, 500]).encode()
    since = complete(base64.urlsafe_b64encode(raw).decode().rstrip("="))
    padded = since + "=" * (-len(since) % 4)
    assert json.loads(base64.urlsafe_b64decode(padded)) == ["product-changes", "7.1", 12, 34, None]


def test_units_that_were_sold_but_not_acknowledged_are_reported() -> None:
    before, answers = Books(orders=10, available=1000, sold=60), (2, 6)
    assert books.faults(answers, before, Books(12, 994, 66)) == []
    assert len(books.faults(answers, before, Books(13, 990, 70))) == 3


def test_a_shop_is_filled_once_and_satisfies_the_invariants(
    tmp_path: Path,
) -> None:
    extent = Extent(orders=600, products=90)
    filled: list[str] = []
    for _ in range(2):
        fill_shops(tmp_path, [extent], lambda kind, *_: filled.append(kind))
    assert filled.count("rows") == 2
    with Cluster(tmp_path / "postgresql", durable=False, settings=FILLING) as cluster:
        environment = environment_for(cluster, extent.database, ONE_WORKER)
        assert check_invariants(environment) == ""
        sizes = writing.look(cluster, extent).sizes
        assert sizes["order_line"].table > 1800 * 60 < sizes["ledger_entry"].total
        with psycopg.connect(cluster.superuser_url(extent.database)) as connection:
            count = 'SELECT count(*), count(*) FILTER (WHERE customer_id = 1) FROM orders."order"'
            assert connection.execute(count).fetchone() == (600, 60)
            connection.execute('UPDATE orders."order" SET number = 900 WHERE number = 600')
            connection.execute("SELECT pg_stat_reset()")
        warm(cluster, extent)
        with psycopg.connect(cluster.superuser_url(extent.database)) as connection:
            walked: dict[str, int] = dict(connection.execute(WALKED).fetchall())
            assert all(walked[name] > 0 for name in TOUCHED), walked
            assert connection.execute(NOT_FROZEN).fetchall() == []
    fill_shops(tmp_path, [extent], lambda kind, *_: filled.append(kind))
    assert filled.count("rows") == 4, "it had more orders than it is said to have"
