"""Messages to the devices of customers: who is told what, once, and only what is true."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from larder.catalog.models import Product
from larder.inventory.models import Stock
from larder.relay.channels import Again, Event, Gone, Outcome, Sent
from larder.relay.models import Delivery, Device, Watch
from larder.relay.services.relaying import Relay
from larder.worker.push import Push
from larder.worker.push_services import Message
from tests.conftest import Api
from tests.ops.receiver import receiver
from tests.ops.receiving import LOOPBACK
from tests.relay.browser import Browser
from tests.relay.listening import relay_all, sending
from tests.v1.moving import move, moved
from tests.v1.placing import place
from tools.processes import wait_until

Make = Callable[..., Any]
NOW = datetime(2026, 11, 30, 18, 30, tzinfo=UTC)
PUSH = Push()


@pytest.fixture(autouse=True)
def _shop(settings: Any) -> None:
    settings.APP_ORDER_URL = "https://app.example.com/orders/{order}"
    settings.MAIL_LANGUAGE = "en-gb"


BROWSER = {"kind": "webpush", "keys": Browser().keys}


def register(api: Api, name: str) -> str:
    browser = BROWSER | {"address": f"https://push.example.com/{name}"}
    return str(api("POST", "me/devices", browser).body["id"])


def event(type: str, object: object, customer: int | None = None) -> Event:
    return Event(uuid4(), type, str(object), NOW, customer, {})


def fan_out(*events: Event) -> list[tuple[Event, str]]:
    with transaction.atomic():
        return PUSH.fan_out(events)


def prepared(told: tuple[Event, str]) -> Message | None:
    event, target = told
    delivery = Delivery(
        event=event.id, type=event.type, target=target, object=event.object, at=event.at
    )
    return PUSH.prepare(delivery)


def test_a_shipped_order_is_told_to_each_device_of_its_customer_while_it_is_true(
    person: Make, as_: Make, product: Make, staff: Api
) -> None:
    owner, other = person(), person()
    ids = {register(as_(owner), "1"), register(as_(owner), "2")}
    register(as_(other), "3")
    placed = place(as_(owner), (product(), 1))
    moved(staff, placed, "pack", "ship")
    shipped = event("order.shipped", placed.body["id"], owner.id)
    told = fan_out(shipped, event("order.shipped", uuid4(), None))
    assert {target for _, target in told} == ids
    message = prepared(told[0])
    assert message is not None
    assert message.title == f"Order {placed.body['number']} is on its way"
    assert message.data == {
        "type": "order.shipped",
        "object": placed.body["id"],
        "url": f"https://app.example.com/orders/{placed.body['id']}",
    }
    Device.objects.filter(id=told[0][1]).update(customer=other.id)
    assert prepared(told[0]) is None
    move(staff, placed, "unship")
    assert prepared(told[1]) is None


def test_a_product_that_is_back_is_told_to_its_watchers_once(
    person: Make, as_: Make, product: Make
) -> None:
    jam, tea = product(name="Jam", stock=1), product()
    ada, eve, joe = as_(person()), as_(person()), as_(person())
    device = register(ada, "1")
    register(joe, "2")
    for api, watched in ((ada, jam), (ada, tea), (eve, jam)):
        api("PUT", f"me/watches/{watched}")
    back = event("stock.back", jam)
    told = fan_out(back)
    assert told == [(back, device)]
    assert set(Watch.objects.values_list("product", flat=True)) == {tea, jam}, "Eve has no device"
    message = prepared(told[0])
    assert message is not None
    assert (message.title, message.body) == ("Back in stock", "Jam")
    assert fan_out(event("stock.back", jam)) == []


def test_a_product_that_is_out_of_stock_again_is_not_told_and_stays_watched(
    customer: Api, product: Make
) -> None:
    jam = product(stock=1)
    register(customer, "1")
    customer("PUT", f"me/watches/{jam}")
    (told,) = fan_out(event("stock.back", jam))
    Stock.objects.filter(product=jam).update(available=0)
    assert prepared(told) is None
    assert customer("GET", "me/watches").body == {"products": [jam]}
    Product.objects.filter(id=jam).update(archived_at=NOW)
    assert prepared(told) is None


@pytest.mark.django_db(transaction=True)
def test_a_browser_reads_what_its_customer_is_told(
    person: Make, as_: Make, product: Make, staff: Api
) -> None:
    owner, jam = person(), product(stock=1)
    api = as_(owner)
    with receiver() as service:
        push = Push(LOOPBACK)
        address = f"http://127.0.0.1:{service.port}/send"
        api("POST", "me/devices", BROWSER | {"address": address})
        relay = Relay([push])
        relay_all(relay)
        placed = place(api, (jam, 1))
        api("PUT", f"me/watches/{jam}")
        relay_all(relay)
        moved(staff, placed, "pack", "ship")
        adjustment = {"reason": "received", "lines": [{"product": jam, "delta": 5}]}
        assert staff("POST", "stock/adjustments", adjustment).status == 201
        relay_all(relay)
        with sending(push):
            assert wait_until(lambda: len(service.received) == 2)
    read = [json.loads(Browser().read(body)) for _, body in service.received]
    told = {(message["type"], message["object"]) for message in read}
    assert told == {("order.shipped", placed.body["id"]), ("stock.back", str(jam))}
    assert api("GET", "me/watches").body == {"products": []}


def test_customers_do_not_reach_the_networks_that_are_open_to_webhooks(
    customer: Api, product: Make, settings: Any
) -> None:
    settings.WEBHOOK_NETWORKS = LOOPBACK
    jam = product(stock=1)
    customer("PUT", f"me/watches/{jam}")
    with receiver() as inside:
        address = f"http://127.0.0.1:{inside.port}/shutdown"
        customer("POST", "me/devices", BROWSER | {"address": address})
        (told,) = fan_out(event("stock.back", jam))
        message = prepared(told)
        assert message is not None
        outcome = asyncio.run(Push().send(message))
    assert outcome == Again("Its address is not open to requests of the shop.")
    assert inside.received == []


def test_a_device_that_is_gone_is_forgotten(customer: Api) -> None:
    ids = [register(customer, "1"), register(customer, "2")]
    outcomes: tuple[Outcome, Outcome] = Sent("201"), Gone("410")
    for id, outcome in zip(ids, outcomes, strict=True):
        PUSH.ended(Delivery(target=id), outcome)
    assert [str(id) for id in Device.objects.values_list("id", flat=True)] == ids[:1]
