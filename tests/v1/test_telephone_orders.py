"""Staff place orders for customers: the customer, the actor and the owner of the key."""

from collections.abc import Callable
from typing import Any

import pytest

from larder.inventory.models import LedgerEntry
from tests.conftest import Api, Person
from tests.v1.placing import place
from tests.v1.reading import figures

Product = Callable[..., int]
MakePerson = Callable[..., Person]
As = Callable[[Person], Api]


def test_a_telephone_order_belongs_to_the_customer_and_its_event_to_the_staff(
    as_: As, person: MakePerson, product: Product
) -> None:
    clerk, caller, jam = person(is_staff=True), person(), product()
    placed = place(as_(clerk), (jam, 1), customer=caller.id, note="rang at nine")
    own = as_(caller)
    assert own("GET", "orders").body["results"] == [placed.body]
    assert own("GET", placed.headers["Location"]).body == placed.body
    assert as_(clerk)("GET", "orders").body["results"] == []
    (event,) = own("GET", f"{placed.headers['Location']}/events").body["results"]
    entry = LedgerEntry.objects.get(product_id=jam, cause="order")
    assert {event["actor"], str(entry.actor)} == {str(clerk.customer.public_id)}
    assert as_(person())("GET", placed.headers["Location"]).status == 404


def test_the_key_of_a_telephone_order_belongs_to_the_staff(
    as_: As, person: MakePerson, product: Product
) -> None:
    clerk, other, caller, jam = person(is_staff=True), person(is_staff=True), person(), product()
    key: dict[str, Any] = {"headers": {"Idempotency_Key": "call-7"}}
    first = place(as_(clerk), (jam, 1), customer=caller.id, **key)
    again = place(as_(clerk), (jam, 1), customer=caller.id, **key)
    assert (again.body, again.headers["Idempotency-Replayed"]) == (first.body, "true")
    repeats: list[tuple[Person, dict[str, Any]]] = [(caller, {}), (other, {"customer": caller.id})]
    for who, rest in repeats:
        placed = place(as_(who), (jam, 1), **rest, **key)
        assert placed.status == 201
        assert placed.body["id"] != first.body["id"]
    assert figures(as_(caller), jam) == {jam: 10 - 3}


def test_a_key_used_for_one_customer_is_refused_for_another(
    staff: Api, person: MakePerson, product: Product
) -> None:
    jam, key = product(), {"Idempotency_Key": "call-7"}
    assert place(staff, (jam, 1), customer=person().id, headers=key).status == 201
    refused = place(staff, (jam, 1), customer=person().id, headers=key)
    assert (refused.status, refused.body["code"]) == (422, "idempotency_key_reused")


def test_customers_cannot_name_the_customer_of_an_order(
    as_: As, person: MakePerson, product: Product
) -> None:
    who, other, jam = person(), person(), product()
    for customer in (who.id, other.id, 10**9):
        refused = place(as_(who), (jam, 1), customer=customer)
        assert (refused.status, refused.body["code"]) == (403, "not_staff")
    assert figures(as_(who), jam) == {jam: 10}


@pytest.mark.parametrize(
    ("details", "pointer"),
    [
        ({"note": "x" * 2_001}, "/note"),
        ({"reference": "x" * 201}, "/reference"),
        ({"requested_for": "next week"}, "/requested_for"),
        ({"requested_for": "2026-02-30"}, "/requested_for"),
        ({"ship_to": {"line1": "x" * 201}}, "/ship_to/line1"),
        ({"ship_to": {"postal_code": "x" * 65}}, "/ship_to/postal_code"),
        ({"ship_to": {"country": "England"}}, "/ship_to/country"),
        ({"ship_to": {"street": "x"}}, "/ship_to/street"),
        ({"ship_to": {"name": "a\0b"}}, "/ship_to/name"),
    ],
)
def test_details_of_an_order_have_limits(
    customer: Api, product: Product, details: dict[str, Any], pointer: str
) -> None:
    refused = place(customer, (product(), 1), **details)
    assert refused.status == 400
    assert [fault["pointer"] for fault in refused.body["errors"]] == [pointer]


def test_a_past_delivery_day_is_accepted_and_repeated(customer: Api, product: Product) -> None:
    """A repeat may arrive after midnight, and the date depends on the customer's time zone."""
    jam, key = product(), {"Idempotency_Key": "once"}
    details: dict[str, Any] = {"requested_for": "2020-02-29", "headers": key}
    placed, again = (place(customer, (jam, 1), **details) for _ in range(2))
    assert placed.body["requested_for"] == "2020-02-29"
    assert (again.status, again.body) == (201, placed.body)
