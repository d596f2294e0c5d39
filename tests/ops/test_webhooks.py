"""Webhooks are signed, tell their owner's rights and the present state, and obey the receiver."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from standardwebhooks import Webhook

from larder.core.clock import now as moment
from larder.identity.caller import Caller
from larder.orders.decision import RequestedLine
from larder.orders.queries import OrderView
from larder.orders.services.batches import place_order
from larder.orders.services.placing.placement import Placement, Terms
from larder.relay import queries
from larder.relay.channels import Again, Event, Failed, Gone, Outcome, Sent
from larder.relay.event_types import EVENT_TYPES
from larder.relay.models import Delivery, Endpoint
from larder.relay.queries import orders_of
from larder.relay.services import deliveries, endpoints
from larder.relay.services.endpoints import NewSecret
from larder.relay.services.relaying import Relay
from larder.worker import mails, webhooks
from larder.worker.mails import Mails
from larder.worker.outgoing import Answer
from larder.worker.webhooks import Message, Webhooks, outcome
from tests.conftest import Person
from tests.ops.receiving import LOOPBACK, Receiver, closing, receiving, receiving_beside, run
from tests.relay.listening import due, relay_all, sending
from tools.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
URL = "https://shop.example/hook"


@pytest.fixture
def keys(settings: Any) -> list[str]:
    settings.SECRET_KEY_FALLBACKS = []
    settings.PUBLIC_URL = "https://shop.example"
    return [settings.SECRET_KEY]


@pytest.fixture
def owner(person: MakePerson) -> Person:
    return person(is_staff=True, role="owner", email="ada@example.com")


Subscribe = Callable[..., NewSecret]


@pytest.fixture
def subscribe(owner: Person, keys: list[str], now: datetime) -> Subscribe:
    def make(*events: str, url: str = URL, caller: Caller = owner.caller) -> NewSecret:
        fields = {"url": url, "name": "ERP", "events": [*(events or EVENT_TYPES)]}
        return endpoints.create_endpoint(fields, caller=caller, keys=keys, at=now)

    return make


def place(who: Person, *lines: tuple[int, int], at: datetime, **details: Any) -> OrderView:
    requested = [RequestedLine(*line) for line in lines]
    asked = Placement(customer=who.id, actor=who.customer.public_id, lines=requested, **details)
    return place_order(asked, terms=Terms(currency="GBP"), now=at).order


def of(endpoint: UUID, type: str, object: object, data: Mapping[str, Any] = {}) -> Delivery:
    """A delivery to the endpoint, stored and due."""
    event = Event(uuid4(), type, str(object), moment(), None, data)
    deliveries.store("webhook", [(event, str(endpoint))])
    return due(endpoint)[-1]


def prepare(channel: Webhooks, delivery: Delivery) -> Message | Outcome | None:
    channel.read([delivery], orders_of([delivery]))
    return channel.prepare(delivery)


def told(message: Message | Outcome | None) -> Any:
    assert isinstance(message, Message)
    return json.loads(message.body)


def test_a_request_is_signed_as_the_standard_says(
    subscribe: Subscribe, owner: Person, keys: list[str]
) -> None:
    made = subscribe()
    first = Webhook(str(made.text))
    second = endpoints.rotate_secret(made.endpoint, caller=owner.caller, keys=keys)
    delivery = of(made.endpoint, "webhook.test", made.endpoint)
    message = prepare(Webhooks([]), delivery)
    assert isinstance(message, Message)
    headers = webhooks.headers(message.event, moment(), message.body, message.target.secrets)
    for secret in (first, Webhook(str(second.text))):
        body = secret.verify(message.body, headers)
        assert body["data"] == {"id": str(made.endpoint)}
    assert headers["webhook-id"] == str(delivery.event)
    with pytest.raises(Exception, match="signature"):
        first.verify(message.body + b" ", headers)
    other = endpoints.create_endpoint(
        {"url": URL, "name": "", "events": []}, caller=owner.caller, keys=keys, at=moment()
    )
    with pytest.raises(Exception, match="signature"):
        Webhook(str(other.text)).verify(message.body, headers)


def test_an_endpoint_is_told_its_events_as_far_as_its_owner_may_see_them(
    subscribe: Subscribe, owner: Person, person: MakePerson, now: datetime
) -> None:
    some = subscribe("order.placed", "stock.out").endpoint
    every = subscribe().endpoint
    disabled = subscribe().endpoint
    endpoints.change_endpoint(disabled, {"disabled": True}, caller=owner.caller, at=now)
    gone = person(is_staff=True, role="owner")
    subscribe(caller=gone.caller)
    gone.customer.is_active = False
    gone.customer.save()
    events = [Event(uuid4(), name, "1", now, None, {}) for name in ("order.placed", "order.held")]
    channel = Webhooks([])
    assert [(event.type, target) for event, target in channel.fan_out(events)] == [
        ("order.placed", str(some)),
        ("order.placed", str(every)),
        ("order.held", str(every)),
    ]
    waits = of(every, "order.placed", uuid4())
    owner.customer.groups.clear()
    assert channel.fan_out(events) == []
    assert prepare(channel, waits) is None


def test_endpoints_get_one_body_each_with_its_own_signature(
    subscribe: Subscribe, owner: Person, product: MakeProduct, now: datetime
) -> None:
    first, second = subscribe().endpoint, subscribe().endpoint
    order = place(owner, (product(), 1), at=now)
    event, channel = Event(uuid4(), "order.placed", str(order.id), now, None, {}), Webhooks([])
    deliveries.store("webhook", [(event, str(endpoint)) for endpoint in (first, second)])
    rows = [*due(first), *due(second)]
    channel.read(rows, orders_of(rows))
    one, two = (channel.prepare(row) for row in rows)
    assert isinstance(one, Message)
    assert isinstance(two, Message)
    assert one.body is two.body
    assert one.target.secrets != two.target.secrets


def test_an_event_has_the_present_state_as_the_api_shows_it(
    subscribe: Subscribe,
    owner: Person,
    as_: Callable[[Person], Any],
    product: MakeProduct,
    now: datetime,
) -> None:
    jam, api, endpoint = product(), as_(owner), subscribe().endpoint
    order = place(owner, (jam, 2), at=now)
    paid = api(
        "POST",
        f"orders/{order.id}/payments",
        {"provider": "cash", "kind": "captured", "amount": 999, "currency": "GBP"},
    ).body
    channel = Webhooks([])
    placed = of(endpoint, "order.placed", order.id)
    body = told(prepare(channel, placed))
    assert body["data"] == api("GET", f"orders/{order.id}").body
    assert (body["type"], body["timestamp"][:19]) == ("order.placed", f"{placed.at:%FT%T}")
    movement = {"provider": "cash", "kind": "captured", "transaction_id": paid["transaction_id"]}
    recorded = of(endpoint, "payment.recorded", order.id, {"payment": movement})
    assert told(prepare(channel, recorded))["data"] == paid | {"order": str(order.id)}
    due = of(endpoint, "refund.due", order.id, {"currency": "GBP"})
    assert told(prepare(channel, due))["data"]["order"] == str(order.id)
    changed = of(endpoint, "product.changed", jam)
    assert told(prepare(channel, changed))["data"] == api("GET", f"products/{jam}").body
    for gone in (("order.placed", uuid4()), ("stock.out", 0)):
        assert prepare(channel, of(endpoint, *gone)) is None
    assert prepare(channel, of(endpoint, "refund.due", order.id, {"currency": "EUR"})) is None


def test_a_large_object_is_named_by_its_address(
    subscribe: Subscribe, owner: Person, product: MakeProduct, now: datetime
) -> None:
    lines = [(product(name="x" * 250), 1) for _ in range(60)]
    order = place(owner, *lines, at=now)
    message = prepare(Webhooks([]), of(subscribe().endpoint, "order.placed", order.id))
    assert told(message)["data"] == {
        "id": str(order.id),
        "version": order.version,
        "url": f"https://shop.example/api/v1/orders/{order.id}",
    }


AT = datetime.fromisoformat("2026-11-30T12:00:00Z")


@pytest.mark.parametrize(
    ("status", "retry_after", "expected"),
    [
        (200, "", Sent("200")),
        (204, "", Sent("204")),
        (301, "", Again("301")),
        (302, "", Again("302")),
        (400, "", Again("400")),
        (410, "", Gone("410")),
        (429, "120", Again("429", 120)),
        (503, format_datetime(AT + timedelta(hours=1), usegmt=True), Again("503", 3600)),
        (503, format_datetime(AT - timedelta(hours=1), usegmt=True), Again("503")),
        (429, "9" * 30, Again("429", 9_999_999_999)),
        (429, "-5", Again("429")),
        (429, "soon", Again("429")),
        (429, f"Mon, 30 Nov {'9' * 20} 12:00:05 GMT", Again("429")),
        (429, "Mon, 30 Nov 2026 12:00:05 -0000", Again("429")),
    ],
)
def test_an_answer_decides_what_becomes_of_a_delivery(
    status: int, retry_after: str, expected: Outcome
) -> None:
    assert outcome(Answer(status, {"retry-after": retry_after}, b"not read"), AT) == expected


def test_a_message_is_posted_and_a_closed_address_is_tried_again(subscribe: Subscribe) -> None:
    made = subscribe()
    channel = Webhooks(LOOPBACK)
    message = prepare(channel, of(made.endpoint, "webhook.test", made.endpoint))
    assert isinstance(message, Message)

    async def work() -> None:
        async with receiving(Receiver()) as receiver, closing(channel._client):
            message.target.row.url = f"http://127.0.0.1:{receiver.port}/hook"
            assert await channel.send(message) == Sent("204")
            (head,) = receiver.heads
            assert f"webhook-id: {message.event}" in head
            message.target.row.url = f"https://10.0.0.1:{receiver.port}/"
            refused = await channel.send(message)
            assert refused == Again("Its address is not open to requests of the shop.")

    run(work)


def test_a_placed_order_reaches_its_receiver(
    subscribe: Subscribe, owner: Person, product: MakeProduct, now: datetime
) -> None:
    answer = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
    channel, receiver = Webhooks(LOOPBACK), Receiver(answer)
    with receiving_beside(receiver), sending(channel):
        made = subscribe("order.placed", url=f"http://127.0.0.1:{receiver.port}/hook")
        relay = Relay([channel])
        relay_all(relay)
        order = place(owner, (product(), 2), at=now)
        relay_all(relay)
        assert wait_until(lambda: bool(receiver.bodies))
        target = str(made.endpoint)
        assert wait_until(lambda: queries.deliveries("webhook", target, limit=1)[0].is_sent)
    lines = [line.split(": ", 1) for line in receiver.heads[0].split("\r\n") if ": " in line]
    event = Webhook(str(made.text)).verify(receiver.bodies[0], dict(lines))
    assert (event["type"], event["data"]["id"]) == ("order.placed", str(order.id))


def test_the_owner_gets_a_mail_about_an_endpoint_that_is_gone(
    subscribe: Subscribe, settings: Any
) -> None:
    settings.EMAIL_URL = "smtp://localhost"
    endpoint = subscribe().endpoint
    channel, delivery = Webhooks([]), of(endpoint, "order.placed", uuid4())
    channel.ended(delivery, Outcome("overtaken"))
    assert Endpoint.objects.get().failing_since is None
    channel.ended(delivery, Again("503"))
    assert Endpoint.objects.get().failing_since is not None
    prepare(channel, delivery)
    channel.ended(delivery, Sent("200"))
    assert Endpoint.objects.get().failing_since is None
    channel.ended(delivery, Gone("410"))
    assert queries.endpoint(endpoint).disabled_at is not None
    (delivered,) = Delivery.objects.filter(channel="mail")
    message = Mails().prepare(delivered)
    assert isinstance(message, mails.Message)
    assert (message.mail.to, "ERP" in message.mail.body) == (["ada@example.com"], True)
    # What was stored meanwhile waits too.
    late = of(endpoint, "order.placed", uuid4())
    assert prepare(Webhooks([]), late) == Failed(endpoints.DISABLED)
    channel.ended(late, Failed(endpoints.DISABLED))
    assert Delivery.objects.filter(channel="mail").count() == 1


def test_a_secret_that_cannot_be_opened_is_not_signed_with(
    subscribe: Subscribe, settings: Any
) -> None:
    endpoint = subscribe().endpoint
    settings.SECRET_KEY = "another" * 9
    message = prepare(Webhooks([]), of(endpoint, "webhook.test", endpoint))
    assert message == Again("Its secret cannot be read. Rotate it.")


def test_the_pauses_are_those_of_the_standard() -> None:
    assert [*webhooks.Webhooks.pauses] == [
        *(5, 300, 1800),
        *(hours * 3600 for hours in (2, 5, 10, 14, 20, 24)),
    ]
