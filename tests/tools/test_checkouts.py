"""`make checkouts`: the faults that it finds in stock and payments, and a short run."""

import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.programs import printed
from tools.checkouts.audit import Books, Order, money_faults, stock_faults
from tools.stripe_double import Account

PLACED, EXPIRED = Order("placed", 500, is_hold=True), Order("expired", 500, is_hold=True)
PAID = Counter({"a": 500})
GOOD = Books(PAID, PAID, {"a": PLACED}, {}, {1: (7, 3)}, {1: 3})


def money(books: Books) -> list[str]:
    return [name for name, _ in money_faults(books)]


def test_a_paid_order_is_right() -> None:
    assert money(GOOD) == []
    assert money(replace(GOOD, orders={}, due={"a": 500})) == []


def test_money_without_an_order_or_a_refund_due_is_reported() -> None:
    for orders in ({}, {"a": EXPIRED}):
        assert money(replace(GOOD, orders=orders)) == ["paid without an order or a refund due"]
        assert money(replace(GOOD, orders=orders, due={"a": 499})) != []
    twice = Counter({"a": 1000})
    assert money(replace(GOOD, captured=twice, held=twice)) != []


def test_a_refund_due_without_a_payment_is_reported() -> None:
    nothing: Counter[str] = Counter()
    found = money(replace(GOOD, captured=nothing, held=nothing, due={"a": 1}))
    assert found == ["refund due without a payment", "placed without a payment"]
    assert money(replace(GOOD, due={"a": 1})) == ["refund due without a payment"]


def test_units_that_are_sold_twice_or_lost_are_reported() -> None:
    assert list(stock_faults(GOOD, {1: 10})) == []
    assert [name for name, _ in stock_faults(GOOD, {1: 2})] == ["oversold"]
    assert [name for name, _ in stock_faults(GOOD, {1: 11})] == ["units lost"]


def test_a_killed_provider_keeps_its_payments_and_events(tmp_path: Path) -> None:
    file = tmp_path / "provider.sqlite"
    account = Account(file, "whsec", "http://127.0.0.1:9", seed=None)
    given = {"amount": "500", "currency": "gbp", "metadata[larder_order]": "a"}
    made = account.post("/v1/payment_intents", given, "key")
    assert account.post("/v1/payment_intents", given, "key") == made
    account.post(f"/v1/payment_intents/{made['id']}/confirm", {}, None)
    account.database.close()
    again = Account(file, "whsec", "http://127.0.0.1:9", seed=None)
    assert again.get(made["id"])["status"] == "succeeded"
    assert again.post("/v1/age", {}, None) == {"left": 2}
    again.database.close()


@pytest.mark.system
@pytest.mark.timeout(400)
def test_a_short_run_is_right_and_ends_with_a_summary() -> None:
    command = [sys.executable, "-m", "tools.checkouts", "--seconds", "12", "--seed", "7"]
    last = printed(command).splitlines()[-1]
    for said in (
        "crashes: 1 of the shop",
        "paid without an order or a refund due 0, oversold 0, refund due without a payment 0",
    ):
        assert said in last
