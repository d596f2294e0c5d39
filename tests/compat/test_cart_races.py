"""Concurrent changes of contract 4's open order, at a real server with and without its guards."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg
import pytest

from larder.db import database
from tests.compat.conftest import Without, assert_books_balance
from tests.compat.crowds import Rush, Shop, stranger
from tests.compat.shops import CONTRACTS, Client
from tests.database import superuser_url
from tests.server import Reply, Server
from tests.system.race.books import assert_agree, shelf
from tests.system.race.control import assert_breaks, index_dropped
from tests.system.race.gate import INSERT, READ, before_inserts, closed
from tests.system.race.shops import HttpShop, at_once
from tools.processes import wait_until

pytestmark = pytest.mark.system

MakeProduct = Callable[..., int]
HANDS = 16
CONTRACT = CONTRACTS["4"]
Outcome = tuple[Rush, list[dict[str, Any]]]
"""What was answered, and the customer's orders afterwards."""


@dataclass(frozen=True, slots=True)
class Cart:
    """A new customer's client."""

    shop: Shop
    client: Client

    def add(self, product: int) -> Reply:
        return self.client("POST", f"/products/{product}/add_to_order/")

    def current(self) -> Reply:
        return self.client("GET", "/orders/current/")

    def submit(self, order: int) -> Reply:
        return self.client("POST", f"/orders/{order}/submit/")

    def orders(self) -> list[dict[str, Any]]:
        return list(self.client("GET", "/orders/").body)


@pytest.fixture
def shop(running: Server, transactional_db: None) -> Shop:
    return Shop(CONTRACT, running)


def cart(shop: Shop) -> Cart:
    return Cart(shop, shop.client(stranger()))


def add_at_once(mine: Cart, product: int, *, opened: bool) -> Outcome:
    """Sixteen first units; the order is there already, or is not."""
    if opened:
        mine.current()
    return mine.shop.rush([partial(mine.add, product)] * HANDS), mine.orders()


def check_added(outcome: Outcome) -> None:
    """Every unit counts, in one line of one order."""
    rush, (order,) = outcome
    assert rush.statuses == {200: HANDS}
    assert rush.bodies(200) == [{"order_id": order["id"]}] * HANDS
    assert [line["quantity"] for line in order["orderedproduct_set"]] == [HANDS]


def test_sixteen_units_added_concurrently_make_one_line_of_sixteen(
    shop: Shop, product: MakeProduct
) -> None:
    for opened in (True, False) * 2:
        check_added(add_at_once(cart(shop), product(stock=3), opened=opened))


def test_without_the_draft_lock_concurrent_additions_fail(
    without: Without, product: MakeProduct
) -> None:
    shop = Shop(CONTRACT, without("draft lock"), is_guarded=False)
    with before_inserts("orders.order_line"):
        assert_breaks(
            lambda: add_at_once(cart(shop), product(), opened=True),
            check_added,
            fault=lambda outcome: outcome[0].statuses[500] > 0,
            meet=2,
            gate=INSERT,
        )


def open_at_once(mine: Cart) -> Outcome:
    """All clients request the open order, which does not exist yet."""
    return mine.shop.rush([mine.current] * HANDS), mine.orders()


def check_one_opened(outcome: Outcome) -> None:
    rush, orders = outcome
    assert rush.statuses == {200: HANDS}
    assert {body["id"] for body in rush.bodies(200)} == {order["id"] for order in orders}
    assert most_carts() == 1


def most_carts() -> int:
    """How many open orders one customer has, of those that have the most."""
    carts = "SELECT count(*) AS carts FROM \"order\" WHERE status = 'draft' GROUP BY customer_id"
    ((most,),) = database.rows(f"SELECT max(carts) FROM ({carts}) AS each")
    return int(most)


def test_concurrent_first_calls_create_one_order(shop: Shop) -> None:
    for _ in range(5):
        check_one_opened(open_at_once(cart(shop)))


def test_without_the_unique_index_concurrent_first_calls_create_several_orders(shop: Shop) -> None:
    with index_dropped("orders", "order_one_draft"), before_inserts('orders."order"'):
        assert_breaks(
            lambda: open_at_once(cart(shop)),
            check_one_opened,
            fault=lambda _: most_carts() > 1,
            meet=2,
            gate=INSERT,
        )


def fill_and_submit(mine: Cart, product: int) -> Outcome:
    """Six clients add units while two submit the open order."""

    def fill() -> list[Reply]:
        return [mine.add(product) for _ in range(8)]

    def submit() -> list[Reply]:
        return [mine.submit(mine.current().body["id"]) for _ in range(8)]

    answers = at_once(HttpShop(mine.shop.server), [*[fill] * 6, *[submit] * 2])
    return Rush(CONTRACT, [one for own in answers for one in own], (product,)), mine.orders()


def units(orders: list[dict[str, Any]], *, submitted: bool) -> int:
    """Units in the orders that were submitted, or in the others."""
    return sum(
        line["quantity"]
        for order in orders
        for line in order["orderedproduct_set"]
        if submitted == (order["submitted_at"] is not None)
    )


def check_none_lost(outcome: Outcome) -> None:
    """Checks that every accepted unit is in exactly one order, and that submitted units left the
    stock.
    """
    rush, orders = outcome
    assert rush.statuses.keys() <= {200, 400}
    refused = {body[0] for body in rush.bodies(400)}
    assert refused <= {"Order already submitted.", "Cannot submit an empty Order."}
    added = sum("order_id" in body for body in rush.bodies(200))
    sold = units(orders, submitted=True)
    assert sold + units(orders, submitted=False) == added == 48
    assert shelf(rush.products[0]).available == 500 - sold
    assert_agree(rush.products)


def test_no_unit_is_lost_or_sold_twice_during_a_submission(
    shop: Shop, product: MakeProduct
) -> None:
    for _ in range(3):
        check_none_lost(fill_and_submit(cart(shop), product(stock=500)))
    assert_books_balance()


def test_without_the_draft_lock_units_are_added_to_a_submitted_order(
    without: Without, product: MakeProduct
) -> None:
    shop = Shop(CONTRACT, without("draft lock"), is_guarded=False)
    mine, jam = cart(shop), product(stock=500)
    order = mine.add(jam).body["order_id"]
    with ThreadPoolExecutor(1) as clients, closed(READ) as gate:
        adding = clients.submit(mine.add, jam)
        assert gate.wait_for(1)
        assert mine.submit(order).status == 200
        gate.open()
        assert adding.result().status == 200
    assert shelf(jam).sold == 2
    assert not shelf(jam).agrees


def test_a_submission_that_waits_reports_that_its_order_was_abandoned(
    shop: Shop, product: MakeProduct
) -> None:
    who, jam = stranger(), product(stock=5)
    mine = Cart(shop, shop.client(who))
    number = mine.add(jam).body["order_id"]
    id = mine.client("GET", "/api/v1/cart").body["id"]
    with (
        Server() as second,  # One process would let them run one after the other.
        psycopg.connect(superuser_url()) as other,
        ThreadPoolExecutor(2) as clients,
    ):
        other.execute("SELECT FROM orders.order WHERE id = %s FOR UPDATE", [id])
        elsewhere = Shop(CONTRACT, second).client(who)
        abandoning = clients.submit(elsewhere, "POST", "/api/v1/orders/abandon", {"id": id})
        assert wait_until(lambda: waiting(other) == 1)
        submitting = clients.submit(mine.submit, number)
        assert wait_until(lambda: waiting(other) == 2)
        other.rollback()
        assert abandoning.result().body == {"outcome": "abandoned"}
        refused = submitting.result()
    assert (refused.status, list(refused.body)) == (409, ["detail"])
    # No cart has its former number; the cart goes on with another.
    assert mine.submit(number).status == 404
    assert mine.submit(mine.current().body["id"]).status == 200
    assert shelf(jam).sold == 1


def waiting(connection: psycopg.Connection[Any]) -> int:
    """How many transactions of this database, not of the whole cluster, wait for another."""
    blocked = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
    )
    return int((connection.execute(blocked).fetchone() or [0])[0])
