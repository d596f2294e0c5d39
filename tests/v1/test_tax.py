"""The tax rate of an order's lines is that of the product when the line was placed."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from larder.catalog.services.products import change_product
from tests.conftest import Answer, Api, Person

HOLD = {"required": True, "hold_seconds": 600}
KEY = {"Idempotency_Key": "one"}
MakeProduct = Callable[..., int]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def owner(person: Callable[..., Person], as_: Callable[[Person], Api]) -> Api:
    """A member of staff who may confirm orders."""
    return as_(person(is_staff=True, role="owner"))


def body(product: int, units: int = 3, **rest: Any) -> dict[str, Any]:
    return {"lines": [{"product": product, "quantity": units}], **rest}


def from_cart(customer: Api, product: int, **rest: Any) -> Answer:
    customer("PUT", f"cart/lines/{product}", {"quantity": 3})
    return customer("POST", "cart/submit", rest, **KEY)


WAYS: dict[str, Callable[[Api, int], Answer]] = {
    "order": lambda who, product: who("POST", "orders", body(product), **KEY),
    "hold": lambda who, product: who("POST", "orders", body(product, payment=HOLD), **KEY),
    "cart": from_cart,
    "cart with a hold": lambda who, product: from_cart(who, product, payment=HOLD),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_order_keeps_the_rates_of_its_time_wherever_it_is_shown(
    customer: Api, owner: Api, product: MakeProduct, now: datetime, way: str
) -> None:
    jam = product(price="12", tax_rate=Decimal(20))
    placed = WAYS[way](customer, jam)
    assert placed.status == 201, placed.body
    line = placed.body["lines"][0]
    assert (line["tax_rate"], line["line_total"], line["net_total"]) == ("20.00", "36.00", "30.00")
    assert (placed.body["net_total"], placed.body["tax_total"]) == ("30.00", "6.00")
    assert (placed.body["total"], placed.body["amount_due"]) == ("36.00", "36.00")
    change_product(jam, {"tax_rate": Decimal(7), "price": Decimal(13)}, caller=None, now=now)
    path = f"orders/{placed.body['id']}"
    again = customer("POST", "orders", body(jam), **KEY) if way == "order" else placed
    for shown in (
        again.body,
        customer("GET", path).body,
        *customer("GET", "orders").body["results"],
        *customer("GET", "orders/changes").body["results"],
    ):
        assert shown["lines"] == placed.body["lines"]
        assert (shown["net_total"], shown["tax_total"]) == ("30.00", "6.00")
    if "hold" in way:
        confirmed = owner("POST", f"{path}/confirm", {}).body
        assert confirmed["lines"] == placed.body["lines"]


def test_an_added_line_has_the_rate_of_today_and_the_others_keep_theirs(
    customer: Api, product: MakeProduct, now: datetime
) -> None:
    jam, tea = product(price="12", tax_rate=Decimal(20)), product(price="1")
    path = f"orders/{customer('POST', 'orders', body(jam)).body['id']}"
    change_product(jam, {"tax_rate": Decimal(7)}, caller=None, now=now)
    change_product(tea, {"tax_rate": Decimal("5.5")}, caller=None, now=now)
    lines = [{"product": jam, "quantity": 5}, {"product": tea, "quantity": 1}]
    changed = customer("PATCH", path, {"lines": lines}).body
    assert [line["tax_rate"] for line in changed["lines"]] == ["20.00", "5.50"]
    assert [line["net_total"] for line in changed["lines"]] == ["50.00", "0.95"]
    assert (changed["net_total"], changed["tax_total"]) == ("50.95", "10.05")


def test_an_order_of_staff_for_a_customer_has_rates(
    staff: Api, person: Callable[..., Person], product: MakeProduct
) -> None:
    jam = product(price="12", tax_rate=Decimal(20))
    placed = staff("POST", "orders", body(jam, customer=person().id))
    assert (placed.status, placed.body["tax_total"]) == (201, "6.00")


def test_the_sums_are_unknown_if_a_line_has_no_rate(customer: Api, product: MakeProduct) -> None:
    jam, tea = product(price="12", tax_rate=Decimal(0)), product(price="1")
    lines = [{"product": id, "quantity": 1} for id in (jam, tea)]
    placed = customer("POST", "orders", {"lines": lines}).body
    assert [line["tax_rate"] for line in placed["lines"]] == ["0.00", None]
    assert [line["net_total"] for line in placed["lines"]] == ["12.00", None]
    assert (placed["net_total"], placed["tax_total"]) == (None, None)
    assert placed["total"] == "13.00"
