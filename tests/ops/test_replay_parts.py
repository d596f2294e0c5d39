"""The parts of the replay."""

import os
from collections import Counter
from decimal import Decimal

import pytest

from larder.db import database
from tools.replay import cancellations, demand, invariants, options, report
from tools.replay.cancellations import find
from tools.replay.demand import RealOrder


@pytest.mark.system
def test_the_replay_checks_the_database_that_has_the_orders(transactional_db: None) -> None:
    url = os.environ["DATABASE_URL"]
    assert invariants.check(url, orders=0) == []
    database.execute(
        "INSERT INTO idempotency_key (actor, operation, key, fingerprint, result, created_at)"
        " VALUES (gen_random_uuid(), 'POST /x', 'k', '', '', now())"
    )
    open_claim, other_database = invariants.check(url, orders=5)
    assert open_claim.startswith("no_claim_is_left_open: 1 violations")
    assert "holds 0 orders, fewer than the server acknowledged" in other_database
    (away,) = invariants.check("postgresql://nobody@127.0.0.1:1/nowhere", orders=0)
    assert away.startswith(
        "check_invariants failed: Check that the database at DATABASE_URL answers"
    )


def test_options_come_from_flags_then_from_the_environment() -> None:
    environment = {"PORT": "8123", "ORDERS": "7", "SCARCE": "0.25"}
    asked = options.parse(["--orders", "9"], environment)
    assert (asked.base_url, asked.orders, asked.scarce) == ("http://127.0.0.1:8123", 9, 0.25)
    with pytest.raises(SystemExit):
        options.parse(["--retry", "2"], {})


def test_lines_of_one_product_in_an_order_are_summed() -> None:
    columns = ("invoice", "customer", "sku", "quantity", "unit_price")
    rows = [
        ("1", "a", "J", "2", "1.5"),
        ("1", "a", "J", "1", "1.4"),
        ("2", "b", "J", "4", "1.5"),
    ]
    wanted = demand.collect((dict(zip(columns, row, strict=True)) for row in rows), None)
    assert [order.units for order in wanted.orders] == [Counter(J=3), Counter(J=4)]
    assert wanted.prices == {"J": Decimal("1.5")}
    assert wanted.stock(0.5) == {"J": 4}


def test_a_cancellation_applies_to_the_latest_earlier_orders_of_its_products() -> None:
    orders = [
        RealOrder("10", "a", Counter(J=3, T=1)),
        RealOrder("11", "a", Counter(J=2)),
        RealOrder("12", "b", Counter(J=9)),
        RealOrder("20", "a", Counter(J=9)),
    ]
    columns = ("invoice", "customer", "sku", "quantity")
    rows = [("C13", "a", "J", "-1"), ("C13", "a", "J", "-2"), ("C14", "a", "X", "-1")]
    rows += [("C15", "b", "J", "-4"), ("C16", "b", "J", "-9"), ("C17", "c", "J", "-1")]
    found = find((dict(zip(columns, row, strict=True)) for row in rows), orders)
    parts = {key: [(p.invoice, dict(p.units)) for p in one.parts] for key, one in found.items()}
    assert parts == {
        "10": [("C13", {"J": 1})],
        "11": [("C13", {"J": 2})],
        "12": [("C15", {"J": 4}), ("C16", {"J": 5})],
    }
    assert [key for key, one in found.items() if one.whole] == ["11"]
    assert found["10"].left == Counter(J=2, T=1)
    assert not found["12"].left


def test_the_included_cancellations_belong_to_the_included_orders() -> None:
    found = cancellations.read(demand.read(None).orders)
    assert (len(found), sum(one.whole for one in found.values())) == (563, 16)
    assert sum(len(one.parts) for one in found.values()) == 767


def test_the_included_orders_are_two_months_of_a_real_shop() -> None:
    wanted = demand.read(None)
    assert (len(wanted.orders), len(wanted.prices)) == (2387, 2628)
    assert wanted.prices.keys() <= demand.names().keys()


@pytest.mark.parametrize(("part", "value"), [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0)])
def test_percentiles_are_by_nearest_rank(part: float, value: float) -> None:
    assert report.percentile([float(one) for one in range(1, 101)], part) == value
