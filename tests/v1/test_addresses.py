"""`me/addresses`: a customer's own addresses, with safe repeats and versions."""

from collections.abc import Callable
from typing import Any

import pytest

from larder.identity.models import Address
from tests.conftest import Api
from tests.v1.placing import place
from tests.v1.reading import walk

HOME = {
    "label": "Home",
    "name": "Ada Lovelace",
    "company": "",
    "line1": "12 St James's Sq",
    "line2": "",
    "city": "London",
    "region": "",
    "postal_code": "SW1Y 4JH",
    "country": "GB",
    "phone": "",
}


def add(api: Api, **fields: str) -> dict[str, Any]:
    answer = api("POST", "me/addresses", HOME | fields)
    assert answer.status == 201
    address: dict[str, Any] = answer.body
    return address


def test_an_address_is_stored_and_found_at_its_location(customer: Api) -> None:
    added = customer("POST", "me/addresses", HOME)
    assert added.status == 201
    assert added.body == {**HOME, "id": added.body["id"], "version": 1}
    read = customer("GET", added.headers["Location"])
    assert (read.body, read.headers["ETag"]) == (added.body, added.headers["ETag"])
    tag = read.headers["ETag"]
    assert customer("GET", added.headers["Location"], If_None_Match=tag).status == 304


def test_an_address_has_the_fields_of_ship_to(customer: Api, product: Callable[..., int]) -> None:
    address = add(customer)
    ship_to = {name: address[name] for name in HOME if name != "label"}
    placed = place(customer, (product(), 1), ship_to=ship_to)
    assert placed.body["ship_to"] == ship_to


def test_addresses_are_listed_in_pages_oldest_first(customer: Api) -> None:
    labels = [str(number) for number in range(5)]
    for label in labels:
        add(customer, label=label)
    assert [address["label"] for address in walk(customer, "me/addresses?limit=2")] == labels


def test_a_repeated_key_stores_one_address(customer: Api) -> None:
    first = customer("POST", "me/addresses", HOME, Idempotency_Key="once")
    again = customer("POST", "me/addresses", HOME, Idempotency_Key="once")
    assert (again.status, again.body) == (201, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    other = customer("POST", "me/addresses", HOME | {"city": "Bath"}, Idempotency_Key="once")
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")
    assert Address.objects.count() == 1


def test_only_the_fields_given_are_changed(customer: Api) -> None:
    address = add(customer)
    changed = customer("PATCH", f"me/addresses/{address['id']}", {"city": "Bath", "label": ""})
    assert changed.status == 200
    assert changed.body == {**address, "city": "Bath", "label": "", "version": 2}


def test_a_deleted_address_is_not_found(customer: Api) -> None:
    path = f"me/addresses/{add(customer)['id']}"
    assert customer("DELETE", path).status == 204
    assert customer("DELETE", path).status == 404
    assert customer("GET", "me/addresses").body["results"] == []


def test_the_fifty_first_address_is_refused(customer: Api) -> None:
    for _ in range(50):
        add(customer)
    refused = customer("POST", "me/addresses", HOME)
    assert (refused.status, refused.body["code"]) == (409, "too_many_addresses")
    assert refused.body["limit"] == 50


@pytest.mark.parametrize(
    ("field", "value"), [("country", "uk"), ("line1", "x" * 201), ("label", "x" * 101), ("zip", "")]
)
def test_an_invalid_address_is_refused_with_the_field(
    customer: Api, field: str, value: str
) -> None:
    refused = customer("POST", "me/addresses", HOME | {field: value})
    assert (refused.status, refused.body["errors"][0]["pointer"]) == (400, f"/{field}")
