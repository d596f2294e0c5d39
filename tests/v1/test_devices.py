"""`me/devices` and `me/watches`: where messages go, and of which products."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.conf import settings as shop

from larder.identity.models import Key, Session
from larder.identity.services import accounts
from larder.relay import web_push
from larder.relay.models import Device, Watch
from tests.conftest import Api, Person
from tests.relay.browser import Browser

BROWSER = {
    "kind": "webpush",
    "address": "https://push.example.com/send/1",
    "keys": Browser().keys,
}


def register(api: Api, name: str = "1") -> str:
    answer = api("POST", "me/devices", BROWSER | {"address": f"https://push.example.com/{name}"})
    assert answer.status == 201
    return str(answer.body["id"])


def test_a_device_is_registered_once_and_listed_without_its_address(customer: Api) -> None:
    registered = customer("POST", "me/devices", BROWSER)
    again = customer("POST", "me/devices", BROWSER)
    assert (registered.status, again.body["id"]) == (201, registered.body["id"])
    page = customer("GET", "me/devices").body
    assert page["results"] == [again.body]
    assert page["server_key"] == web_push.public_key(shop.SECRET_KEY)
    assert "example.com" not in str(page)


def test_an_app_is_registered_if_the_shop_has_an_account(customer: Api, settings: Any) -> None:
    phone = {"kind": "fcm", "address": "token-of-a-phone"}
    refused = customer("POST", "me/devices", phone)
    assert refused.body["errors"][0]["pointer"] == "/kind"
    settings.PUSH_ACCOUNTS = {"fcm": {}}
    assert customer("POST", "me/devices", phone).body["kind"] == "fcm"


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"kind": "pager"}, "/kind"),
        ({"address": "push.example.com"}, "/address"),
        ({"address": "https://push.example.com/ä"}, "/address"),
        ({"keys": None}, "/keys"),
        ({"keys": Browser().keys | {"p256dh": "B" * 87}}, "/keys/p256dh"),
        ({"keys": Browser().keys | {"auth": "short"}}, "/keys/auth"),
    ],
)
def test_a_faulty_device_is_refused_with_the_field(
    customer: Api, fields: dict[str, object], pointer: str
) -> None:
    refused = customer("POST", "me/devices", BROWSER | fields)
    assert (refused.status, refused.body["errors"][0]["pointer"]) == (400, pointer)


def test_a_device_is_deleted_by_its_customer_alone(
    customer: Api, as_: Callable[[Person], Api], person: Callable[..., Person]
) -> None:
    path = f"me/devices/{register(customer)}"
    assert as_(person())("DELETE", path).status == 404
    assert customer("DELETE", path).status == 204
    assert customer("DELETE", path).status == 404


def test_a_device_of_another_account_becomes_a_new_one_of_this_account(
    customer: Api, as_: Callable[[Person], Api], person: Callable[..., Person]
) -> None:
    former = register(customer)
    assert register(as_(person())) != former
    assert customer("GET", "me/devices").body["results"] == []


def test_the_twenty_first_device_replaces_the_first(customer: Api) -> None:
    ids = [register(customer, str(number)) for number in range(21)]
    assert [device["id"] for device in customer("GET", "me/devices").body["results"]] == ids[1:]


def test_a_device_goes_with_the_session_or_key_that_registered_it(
    person: Callable[..., Person], api: Api, as_: Callable[[Person], Api], now: datetime
) -> None:
    owner = person()
    key = as_(owner)("POST", "auth/keys", {"name": "an app"}).body["key"]
    register(as_(owner), "by-session")
    by_key = api("POST", "me/devices", BROWSER, Authorization=f"Bearer {key}").body["id"]
    Session.objects.filter(customer=owner.id).update(ended_at=now)
    assert [str(id) for id in Device.objects.values_list("id", flat=True)] == [by_key]
    Key.objects.filter(customer=owner.id).update(ended_at=now)
    assert not Device.objects.exists()


def test_a_deleted_account_has_no_device_and_no_watch(
    person: Callable[..., Person],
    as_: Callable[[Person], Api],
    product: Callable[..., int],
    now: datetime,
) -> None:
    owner, other = person(), person()
    for each in (owner, other):
        register(as_(each), str(each.id))
        assert as_(each)("PUT", f"me/watches/{product()}").status == 204
    accounts.delete_account(owner.id, now=now)
    assert list(Device.objects.values_list("customer", flat=True)) == [other.id]
    assert list(Watch.objects.values_list("customer", flat=True)) == [other.id]


def test_a_product_is_watched_until_it_is_not(customer: Api, product: Callable[..., int]) -> None:
    jam, tea, oil = sorted(product() for _ in range(3))
    for watched in (tea, jam, oil, tea):
        assert customer("PUT", f"me/watches/{watched}").status == 204
    assert customer("GET", "me/watches").body == {"products": [jam, tea, oil]}
    for _ in range(2):
        assert customer("DELETE", f"me/watches/{jam}").status == 204
    assert customer("GET", "me/watches").body == {"products": [tea, oil]}
    assert customer("PUT", "me/watches/999999").status == 404


def test_an_account_watches_two_hundred_products(customer: Api, many_products: list[int]) -> None:
    first, *_, last = many_products[:201]
    for watched in many_products[:200]:
        assert customer("PUT", f"me/watches/{watched}").status == 204
    refused = customer("PUT", f"me/watches/{last}")
    assert (refused.status, refused.body["code"]) == (409, "too_many_watches")
    assert customer("PUT", f"me/watches/{first}").status == 204
