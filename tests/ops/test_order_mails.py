"""The mails about orders: to whom, with what, and when none is sent."""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.core.mail import EmailMultiAlternatives
from django.http import Http404
from django.test import RequestFactory

from larder.notifications.rendering import faults
from larder.ops.demo import mails
from larder.orders.services.locks import set_refund_due
from larder.relay.channels import Again, Event, Failed, Outcome, Sent
from larder.relay.models import Delivery
from larder.relay.queries import orders_of
from larder.relay.services.deliveries import store
from larder.worker.mails import Mails, Message
from larder.worker.order_mails import CUSTOMER, KINDS, SHOP
from tests.conftest import Answer, Api
from tests.notifications.receiver import receiving
from tests.v1.moving import move, moved, returning
from tests.v1.paying import record
from tests.v1.placing import place

Make = Callable[..., Any]
NOW = datetime(2026, 11, 30, 18, 30, tzinfo=UTC)
OWN = "owner@example.com"
HOSTILE = "Jam </td><script>alert(1)</script> & co"
MAILS = Mails()


@pytest.fixture(autouse=True)
def _shop(settings: Any) -> None:
    """A shop that sends all mails, in English."""
    settings.EMAIL_URL, settings.SHOP_MAIL = "smtp://127.0.0.1:9", OWN
    settings.ORDER_MAILS, settings.MAIL_LANGUAGE = frozenset(KINDS), "en-gb"
    settings.DEFAULT_FROM_EMAIL = "Corner Shop <shop@example.com>"
    settings.APP_ORDER_URL = "https://app.example.com/orders/{order}"
    settings.PUBLIC_URL = "https://shop.example.com"


@dataclass(frozen=True, slots=True)
class Scene:
    """An order of two lines, its customer and a member of staff."""

    ada: Api
    staff: Api
    jam: int
    order: Answer


@pytest.fixture
def scene(person: Make, as_: Make, product: Make) -> Scene:
    ada = as_(person(email="ada@example.com"))
    owner = as_(person(is_staff=True, is_superuser=True))
    jam = product(name=HOSTILE, sku="JAM-1", price="2.20")
    order = place(ada, (jam, 2), (product(name="Oats", price="1"), 3), note="Ring twice")
    assert order.status == 201
    return Scene(ada, owner, jam, order)


def mail_about(
    order: Answer, type: str, target: str = CUSTOMER, data: Mapping[str, Any] = {}, id: Any = None
) -> Message | None:
    """Returns the mail about an event of an order."""
    columns = {"event": id or uuid4(), "type": type, "target": target, "data": data}
    delivery = Delivery(object=order.body["id"], **columns)
    MAILS.read([delivery], orders_of([delivery]))
    message = MAILS.prepare(delivery)
    assert not isinstance(message, Outcome)
    return message


def html_of(mail: EmailMultiAlternatives) -> str:
    return str(mail.alternatives[0][0])


def ship(scene: Scene) -> None:
    moved(scene.staff, scene.order, "pack")
    post = {"carrier": "DHL", "tracking_number": "0034"}
    assert move(scene.staff, scene.order, "ship", post).status == 200


def give_back(scene: Scene) -> None:
    record(scene.staff, scene.order, 740)
    ship(scene)
    body = returning((scene.jam, 1), restock=True)
    assert move(scene.staff, scene.order, "return", body).status == 200


def change(scene: Scene) -> None:
    body = {"lines": [{"product": scene.jam, "quantity": 5}]}
    assert scene.ada("PATCH", f"orders/{scene.order.body['id']}", body).status == 200


def cancel(scene: Scene) -> None:
    record(scene.staff, scene.order, 740)
    moved(scene.staff, scene.order, "cancel")


def refund(scene: Scene) -> None:
    record(scene.staff, scene.order, 740)
    record(scene.staff, scene.order, 150, "refunded")


REFUND = {"payment": {"provider": "cash", "kind": "refunded", "transaction_id": "t"}}
DUE = {"currency": "GBP"}
TABLE: dict[str, tuple[Callable[[Scene], None] | None, str, Mapping[str, Any], list[str]]] = {
    "placed": (None, "order.placed", {"event": "placed"}, [" £4.40", "Total: £7.40"]),
    "changed": (change, "order.changed", {"event": "changed"}, ["5 × Jam", "Total: £11.00"]),
    "cancelled": (cancel, "order.cancelled", {"event": "cancelled"}, ["pay back £7.40"]),
    "shipped": (ship, "order.shipped", {"event": "shipped"}, ["to DHL", "number: 0034"]),
    "returned": (
        *(give_back, "order.returned", {"event": "returned"}),
        ["1 × Jam", "Total: £2.20", "pay back £2.20"],
    ),
    "refunded": (refund, "payment.recorded", REFUND, ["paid back £1.50"]),
    "new_order": (None, "order.placed", {"event": "placed"}, ["New order", "£7.40"]),
    "refund_due": (cancel, "refund.due", DUE, ["Pay back £7.40"]),
}


@pytest.mark.parametrize("name", TABLE)
def test_each_mail_says_in_text_and_html_what_happened(scene: Scene, name: str) -> None:
    happens, type, data, texts = TABLE[name]
    if happens:
        happens(scene)
    target = KINDS[name].target
    message = mail_about(scene.order, type, target, data)
    assert message
    mail, number = message[1], str(scene.order.body["number"])
    assert mail.to == [{CUSTOMER: "ada@example.com", SHOP: OWN}[target]]
    assert number in mail.subject
    assert mail.body.startswith(str(mail.subject))
    for text in (*texts, number, "Corner Shop"):
        assert text in mail.body
    page = {
        "refund_due": "https://shop.example.com/admin/orders/refunddue/",
        "new_order": f"https://shop.example.com/admin/orders/order/{scene.order.body['id']}/change/",
    }.get(name, f"https://app.example.com/orders/{scene.order.body['id']}")
    for part in (mail.body, html_of(mail)):
        assert page in part
        assert "Ring twice" not in part  # nobody has checked whose the address is
    assert "<script" not in html_of(mail)


def placed(order: Answer, **more: Any) -> Message | None:
    return mail_about(order, "order.placed", data={"event": "placed"}, **more)


def test_a_hostile_name_is_escaped_in_html_alone(scene: Scene) -> None:
    message = placed(scene.order)
    assert message
    assert f"2 × {HOSTILE}: £4.40" in message[1].body
    assert "Jam &lt;/td&gt;&lt;script&gt;alert(1)&lt;/script&gt; &amp; co" in html_of(message[1])


def test_a_held_order_is_to_be_paid_until_a_time_of_the_shop(scene: Scene, settings: Any) -> None:
    settings.SHOP_TIME_ZONE, settings.MAIL_LANGUAGE = "Asia/Tokyo", "de"
    held = place(scene.ada, (scene.jam, 1), payment={"required": True, "hold_seconds": 600})
    message = mail_about(held, "order.held", data={"event": "held"})
    assert message
    expires = datetime.fromisoformat(held.body["expires_at"]).astimezone(ZoneInfo("Asia/Tokyo"))
    until = f"{expires:%d.%m.%Y, %H:%M} JST"
    assert message[1].subject == (
        f"Bitte bezahlen Sie Ihre Bestellung {held.body['number']} bis {until}"
    )
    assert "Summe: 2,20 £" in message[1].body
    assert '<html lang="de">' in html_of(message[1])
    moved(scene.staff, held, "cancel")
    assert mail_about(held, "order.held", data={"event": "held"}) is None


def test_the_shop_is_told_what_is_due_of_an_abandoned_order(db: None) -> None:
    id = uuid4()
    set_refund_due(id, "GBP", 250, now=NOW)
    message = mail_about(Answer(200, {"id": str(id)}, {}), "refund.due", SHOP, DUE)
    assert message
    assert message[1].subject == "Pay back £2.50 for an abandoned order"


def test_no_mail_is_sent_of_what_is_not_true_any_more(scene: Scene) -> None:
    ship(scene)
    shipped = ("order.shipped", CUSTOMER, {"event": "shipped"})
    assert mail_about(scene.order, *shipped)
    moved(scene.staff, scene.order, "unship", "unpack", "cancel")
    assert mail_about(scene.order, *shipped) is None
    assert placed(scene.order) is None
    assert mail_about(scene.order, "refund.due", SHOP, DUE) is None


@pytest.mark.parametrize("reason", ["no address", "deleted", "other kinds", "no mail server"])
def test_nobody_is_told_without_an_address_or_against_the_settings(
    scene: Scene, settings: Any, reason: str
) -> None:
    if reason == "no address":
        assert scene.ada("PATCH", "me", {"email": ""}).status == 200
    elif reason == "deleted":
        moved(scene.staff, scene.order, "cancel")
        assert scene.ada("DELETE", "me", {"password": "correct horse"}).status == 204
    elif reason == "other kinds":
        settings.ORDER_MAILS = frozenset({"shipped", "new_order"})
    else:
        settings.EMAIL_URL = ""
    type = "order.cancelled" if reason == "deleted" else "order.placed"
    data = {"event": type.partition(".")[2]}
    assert mail_about(scene.order, type, CUSTOMER, data) is None


def event(type: str, object: str = "1", **data: Any) -> Event:
    return Event(uuid4(), type, object, NOW, None, data)


def test_an_event_is_told_to_the_customer_and_the_shop_as_far_as_they_want_it(
    settings: Any,
) -> None:
    events = [
        event("order.placed", event="placed"),
        event("order.changed", event="unpacked"),
        event("order.changed", event="tracked"),
        event("payment.recorded", event="payment", payment={"kind": "captured"}),
        event("payment.recorded", event="payment", payment={"kind": "refunded"}),
        event("order.packed", event="packed"),
    ]

    def told() -> list[tuple[int, str]]:
        return [(events.index(event), target) for event, target in MAILS.fan_out(events)]

    assert told() == [(0, CUSTOMER), (0, SHOP), (2, CUSTOMER), (4, CUSTOMER)]
    settings.SHOP_MAIL, settings.ORDER_MAILS = "", frozenset({"placed", "new_order", "refunded"})
    assert told() == [(0, CUSTOMER), (4, CUSTOMER)]
    settings.EMAIL_URL = ""
    assert told() == []


def test_products_that_are_low_together_are_one_mail(product: Make) -> None:
    products = [product(name=f"Tea {number}", stock=number) for number in range(60)]
    events = [event("stock.low", str(id)) for id in products]
    ((low, _),) = MAILS.fan_out(events)
    first = Answer(200, {"id": low.object}, {})
    message = mail_about(first, "stock.low", SHOP, low.data)
    assert message
    mail = message[1]
    assert (mail.to, mail.subject) == ([OWN], "60 products are low in stock")
    assert "7 × Tea 7 (SKU-" in mail.body
    assert "and 10 more" in mail.body
    assert "https://shop.example.com/admin/catalog/product/?stock=low" in html_of(mail)


def test_a_shop_overrides_a_template_by_a_file(scene: Scene, settings: Any, tmp_path: Path) -> None:
    settings.MAIL_TEMPLATES_DIR = str(tmp_path)
    own = "{% extends layout %}{% block subject %}Hooray, {{ order.number }}!{% endblock %}"
    (tmp_path / "placed.html").write_text(own)
    (tmp_path / "held.html").write_text("{% extends layout %}{% block subject %}")
    message = placed(scene.order)
    assert message
    assert message[1].subject == f"Hooray, {scene.order.body['number']}!"
    assert "Total: £7.40" in message[1].body
    assert [fault[:10] for fault in faults(str(tmp_path))] == ["held.html:"]


def test_a_demo_shows_the_last_mails(scene: Scene) -> None:
    order = event("order.placed", scene.order.body["id"], event="placed")
    gone = event("order.placed", str(uuid4()), event="placed")
    store("mail", MAILS.fan_out([gone, order]))
    page = mails.page(RequestFactory().get("/demo/mails")).content.decode()
    links = re.findall(r'href="/demo/mails/(\d+)">([^<]+)<', page)
    assert [text.split()[0] for _, text in links] == ["New", "We"]
    shown = mails.mail(RequestFactory().get("/"), int(links[1][0]))
    assert "Jam &lt;/td&gt;" in shown.content.decode()
    assert shown.headers["Content-Security-Policy"].startswith("default-src 'none'")
    with pytest.raises(Http404):
        mails.mail(RequestFactory().get("/"), int(links[0][0]) + 1)


def test_each_attempt_has_the_same_message_id_and_a_refusal_is_final(
    scene: Scene, settings: Any
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_HOST_USER = "127.0.0.1", None
    id = uuid4()
    outcomes = []
    with receiving(**{".": "451 later"}) as receiver:
        settings.EMAIL_PORT = receiver.port
        for replies in ({".": "451 later"}, {}, {"RCPT": "550 nobody"}):
            receiver.replies = replies
            message = placed(scene.order, id=id)
            assert message
            outcomes.append(asyncio.run(MAILS.send(message)))
    assert [type(outcome) for outcome in outcomes] == [Again, Sent, Failed]
    assert {mail["Message-ID"] for mail in receiver.received} == {f"<{id}.customer@example.com>"}
    assert receiver.received[0].get_content_type() == "multipart/alternative"
