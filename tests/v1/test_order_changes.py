"""The offline copy of a customer's orders."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from larder.v1 import changes
from tests.conftest import Api
from tests.db.feeds import settle
from tests.v1.reading import answers

pytestmark = pytest.mark.django_db(transaction=True)
Product = Callable[..., int]


def place(api: Api, product: int) -> str:
    answer = api("POST", "orders", {"lines": [{"product": product, "quantity": 1}]})
    assert answer.status == 201, answer.body
    return str(answer.body["id"])


def test_the_first_answer_has_all_orders_of_the_customer_and_no_others(
    customer: Api, staff: Api, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "MAX_CHANGED_ORDERS", 2)
    jam = product(stock=99)
    mine = {place(customer, jam) for _ in range(5)}
    place(staff, jam)
    orders, since = answers(customer)
    assert [order["id"] for order in orders] == sorted(mine, reverse=True)
    assert orders == customer("GET", "orders").body["results"]
    assert answers(customer, since) == ([], since)


def test_a_client_can_ask_for_fewer_orders_at_a_time(customer: Api, product: Product) -> None:
    jam = product(stock=9)
    placed = {place(customer, jam) for _ in range(3)}
    settle()
    ids, since, more = set[str](), "", True
    while more:
        body = customer("GET", f"orders/changes?limit=1&since={since}").body
        assert len(body["results"]) <= 1
        ids |= {row["id"] for row in body["results"]}
        since, more = body["since"], body["more"]
    assert ids == placed


def test_changed_orders_are_in_the_feed_once_in_their_current_state(
    customer: Api, staff: Api, product: Product
) -> None:
    jam = product(stock=99)
    first, second = place(customer, jam), place(customer, jam)
    _, since = answers(customer)
    staff("POST", f"orders/{first}/pack")
    staff("POST", f"orders/{first}/ship")
    new = place(customer, jam)
    place(staff, jam)
    orders, since = answers(customer, since)
    assert [(order["id"], order["status"]) for order in orders] == [
        (first, "shipped"),
        (new, "placed"),
    ]
    customer("POST", f"orders/{second}/cancel")
    assert [answer["status"] for answer in answers(customer, since)[0]] == ["cancelled"]


def test_changes_during_the_first_copy_follow_it(
    customer: Api, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "MAX_CHANGED_ORDERS", 2)
    jam = product(stock=99)
    ids = [place(customer, jam) for _ in range(3)]
    settle()
    since = customer("GET", "orders/changes").body["since"]
    customer("POST", f"orders/{ids[2]}/cancel")
    new = place(customer, jam)
    orders, _ = answers(customer, since)
    assert {order["id"]: order["status"] for order in orders} == {
        ids[0]: "placed",
        ids[2]: "cancelled",
        new: "placed",
    }


def test_a_mark_of_another_customer_or_installation_is_refused(customer: Api, staff: Api) -> None:
    _, since = answers(customer)
    for wrong in (since, "x", since_of_products(staff)):
        refused = staff("GET", f"orders/changes?since={wrong}")
        assert refused.body["errors"][0]["pointer"] == "since"

    def elsewhere(execute: Any, statement: str, *context: Any) -> Any:
        return execute(statement.replace("current_database()", "'postgres'"), *context)

    with connection.execute_wrapper(elsewhere):
        answer = customer("GET", f"orders/changes?since={since}")
    assert answer.body["code"] == "since_expired"


def since_of_products(api: Api) -> str:
    return str(api("GET", "products/changes").body["since"])
