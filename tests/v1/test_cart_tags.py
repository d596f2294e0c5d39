"""The ETag of no cart changes with each cart that ends; a PUT that changes nothing is 200."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from larder.catalog.services.products import archive_product
from larder.core.clock import now
from larder.db import database
from larder.orders.services.cart import KEPT, expire_carts
from tests.conftest import Answer, Api, Person
from tests.http.conftest import token_for

MakeProduct = Callable[..., int]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def customer(person: Callable[..., Person]) -> Api:
    return Api(token_for(person()))


def put(api: Api, product: int, quantity: int, tag: str = "*") -> Answer:
    """Puts one line into the cart."""
    return api("PUT", f"cart/lines/{product}", {"quantity": quantity}, If_Match=tag)


def absent(api: Api) -> str:
    """Returns the ETag of no cart."""
    answer = api("GET", "cart")
    assert (answer.body["id"], answer.body["version"]) == (None, 0)
    return answer.headers["ETag"]


ENDS: dict[str, Callable[[Api], object]] = {
    "submitted": lambda api: api("POST", "cart/submit"),
    "deleted": lambda api: api("DELETE", "cart"),
    "expired": lambda _api: expire_carts(now=now() + KEPT + timedelta(1), limit=9),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_a_late_duplicate_of_the_first_line_begins_no_new_cart(
    customer: Api, product: MakeProduct, end: Callable[[Api], object]
) -> None:
    jam, tags = product(stock=50), [absent(customer)]
    for _ in range(3):
        assert put(customer, jam, 1, tags[-1]).status == 200
        end(customer)
        for late in tags:
            refused = put(customer, jam, 1, late)
            assert (refused.status, refused.body["version"]) == (412, 0)
            body = {"lines": [{"product": jam, "quantity": 1}]}
            assert customer("PUT", "cart", body, If_Match=late).status == 412
        tags.append(absent(customer))
    assert len(set(tags)) == len(tags)
    assert not database.rows('SELECT "order" FROM cart WHERE "order" IS NOT NULL')


def test_a_put_without_a_change_succeeds_with_any_if_match(
    customer: Api, product: MakeProduct
) -> None:
    jam, tag = product(), absent(customer)
    first = put(customer, jam, 2, tag)
    body = {"lines": [{"product": jam, "quantity": 2}]}
    for stale in (tag, '"9-aa"', "x"):
        for same in (put(customer, jam, 2, stale), customer("PUT", "cart", body, If_Match=stale)):
            assert (same.status, same.body) == (200, first.body)
            assert same.headers["ETag"] == first.headers["ETag"]
        assert put(customer, jam, 3, stale).status == 412
    customer("DELETE", "cart")
    assert customer("PUT", "cart", {"lines": []}, If_Match=tag).status == 200


def test_a_put_without_a_change_succeeds_with_an_archived_product(
    customer: Api, product: MakeProduct
) -> None:
    jam, tea = product(), product()
    tag = absent(customer)
    first = put(customer, jam, 2, tag)
    archive_product(jam, caller=None, now=now())
    same = {"lines": [{"product": jam, "quantity": 2}]}
    for stale in (tag, first.headers["ETag"], "*"):
        assert put(customer, jam, 2, stale).status == 200
        assert customer("PUT", "cart", same, If_Match=stale).status == 200
        other = {"lines": [*same["lines"], {"product": tea, "quantity": 1}]}
        for changed in (put(customer, jam, 3, stale), customer("PUT", "cart", other)):
            assert (changed.status, changed.body["code"]) == (422, "unknown_product")
    assert customer("GET", "cart").body["version"] == first.body["version"]
    customer("DELETE", "cart")
    assert put(customer, jam, 2).body["code"] == "unknown_product"
    assert customer("GET", "cart").body["id"] is None


def test_orders_placed_without_a_cart_keep_the_etag_of_no_cart(
    customer: Api, product: MakeProduct
) -> None:
    tag = absent(customer)
    ordered = customer("POST", "orders", {"lines": [{"product": product(), "quantity": 1}]})
    assert ordered.status == 201
    assert absent(customer) == tag
    assert customer("POST", "cart/submit", If_Match=tag).body["code"] == "cart_empty"
