"""Objects of a customer are not found by another customer, at every path that names an object."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest

from larder.compat.urls import TITLES, patterns
from larder.config import urls
from larder.identity.models import Session
from larder.orders.models import Order
from tests.conftest import Api, Person
from tests.identity.operations import FOUND, OPEN, OWN, Found, Sender, sender
from tests.relay.browser import Browser

__all__ = ["sender"]

PARAMETER = re.compile(r"<(\w+:\w+)>|\(\?P<(\w+)>.*\)")
OF_THE_SHOP = {
    *("int:product", "int:product_id", "str:product", "path:sku"),
    *("int:category", "slug:code", "product"),
}
NONE: Mapping[str, str] = {
    **dict.fromkeys(["id:key", "id:address", "id:device", "id:session", "id:order"], str(uuid4())),
    **dict.fromkeys(["int:customer", "int:number", "int:order"], "999999"),
    **dict.fromkeys(["user", "order_id"], str(uuid4())),
}
"""Ids of no object, by the parameter of the path."""


def named_in(operation: Found) -> str | None:
    """The parameter of an operation on an object of a customer; None for any other operation."""
    matched = PARAMETER.search(operation.row.operation)
    if matched is None or operation.row.needs not in {OPEN, OWN}:
        return None
    name = matched[1] or matched[2]
    return None if name in OF_THE_SHOP else name


def operations() -> Iterator[tuple[Found, str]]:
    """The operations of customers on their objects, with the parameter."""
    for operation in FOUND:
        name = named_in(operation)
        if name is not None:
            yield operation, name


def on(operation: Found, name: str, ids: Mapping[str, str]) -> Found:
    """Returns the operation on the object of these ids."""
    route = operation.row.operation.partition(" ")[2]
    return operation._replace(path=PARAMETER.sub(lambda _: ids[name], route))


@pytest.fixture
def objects(
    person: Callable[..., Person], as_: Callable[[Person], Api], product: Callable[..., int]
) -> tuple[Api, Mapping[str, str]]:
    """A customer, and the ids of their objects by the parameter of the path."""
    who, line = person(), {"product": product(), "quantity": 1}
    api = as_(who)
    order = api("POST", "orders", {"lines": [line]}).body
    open_order = api("GET", "/orders/current/").body
    key = api("POST", "auth/keys", {"name": "till"}).body
    details = {"name": "A", "line1": "B", "city": "C", "postal_code": "D", "country": "GB"}
    address = api("POST", "me/addresses", details).body
    browser = {"kind": "webpush", "address": "https://push.example.com/1", "keys": Browser().keys}
    device = api("POST", "me/devices", browser).body
    return api, {
        "id:order": order["id"],
        "order_id": order["id"],
        "int:number": str(order["number"]),
        "int:order": str(open_order["id"]),
        "id:key": key["id"],
        "id:address": address["id"],
        "id:device": device["id"],
        "id:session": str(Session.objects.get(customer=who.id).id),
        "int:customer": str(who.id),
        "user": str(who.customer.public_id),
    }


def test_every_parameter_names_an_object_of_the_shop_or_of_a_customer() -> None:
    assert {name for _, name in operations()} == set(NONE)


def test_objects_of_a_customer_do_not_exist_for_another(
    customer: Api,
    sender: Callable[..., Sender],
    objects: tuple[Api, Mapping[str, str]],
) -> None:
    owner, ids = objects
    mine, theirs = sender(owner), sender(customer)
    wrong: list[Any] = []
    for operation, name in operations():
        own, other = mine(on(operation, name, ids)), theirs(on(operation, name, ids))
        absent = theirs(on(operation, name, NONE))
        is_refused = other in {400, 403, 404} and other == absent
        if not is_refused or own in {401, 403, 404}:
            wrong.append((operation.row.operation, own, other, absent))
    assert wrong == []
    assert Order.objects.count() == 1


def test_staff_without_the_permission_are_refused_on_objects_of_others(
    person: Callable[..., Person],
    as_: Callable[[Person], Api],
    product: Callable[..., int],
    settings: Any,
) -> None:
    """Customers do not learn whether such an object exists; nor does anybody of an unknown one."""
    settings.COMPAT = frozenset(TITLES)
    settings.ROOT_URLCONF = (*urls.urlpatterns, *patterns(settings.COMPAT))
    mary = person()
    shopper, other, clerk = as_(mary), as_(person()), as_(person(is_staff=True, role="catalogue"))
    lines = [{"product": product(), "quantity": 1}]
    order = shopper("POST", "orders", {"lines": lines}).headers["Location"]
    key = shopper("POST", "auth/keys", {}).body["id"]
    account, id = f"/api/identity/customers/{mary.id}/", order.rpartition("/")[2]
    attempts: list[tuple[str, str, Any]] = [
        ("GET", order, None),
        ("GET", f"{order}/events", None),
        ("GET", f"{order}/payments", None),
        ("POST", "orders/abandon", {"id": id}),
        ("PATCH", order, {"note": "hurry"}),
        ("POST", f"{order}/cancel", {}),
        ("DELETE", f"auth/keys/{key}", None),
        ("GET", account, None),
        ("PATCH", account, {"username": "x"}),
        ("DELETE", account, None),
    ]
    for method, path, body in attempts:
        assert other(method, path, body).status == 404
        assert clerk(method, path, body).status == 403
    assert shopper("GET", order, None).body["status"] == "placed"
    assert len(shopper("GET", "auth/keys").body["results"]) == 1
    assert clerk("DELETE", f"auth/keys/{uuid4()}").status == 404
    assert clerk("GET", f"orders/{uuid4()}").status == 404
