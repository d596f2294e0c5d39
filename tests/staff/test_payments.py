"""Payments in the admin: at an order, and the list of the refunds that are due."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from larder.orders.models import RefundDue
from tests.conftest import NOW, Answer, Api, Person
from tests.staff.desk import Desk, allow
from tests.v1.moving import move
from tests.v1.paying import record
from tests.v1.placing import place

REFUNDS = "orders/refunddue/"
As = Callable[[Person], Api]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def staff(boss: Person, as_: As) -> Api:
    return as_(boss)


@pytest.fixture
def order(customer: Api, product: Callable[..., int]) -> Answer:
    """An order of 4 units for 10.00."""
    return place(customer, (product(price="2.50", stock=9), 4))


def tables(desk: Desk, order: Answer) -> list[list[list[str]]]:
    """The rows of the tables about payments."""
    page = desk.get(f"orders/order/{order.body['id']}/change/")
    return [payment["content"]["rows"] for payment in page.response.context["payments"]]


def test_an_order_shows_what_was_paid_and_what_is_due(
    desk: Desk, staff: Api, order: Answer
) -> None:
    assert tables(desk, order) == [[["unpaid", "£10.00", "–"]]]
    record(staff, order, 400, transaction_id="<first>")
    record(staff, order, 700, transaction_id="second")
    summary, records = tables(desk, order)
    assert summary == [["overpaid", "£0.00", "£1.00"]]
    assert [row[1] for row in records] == ["captured", "captured"]
    text = desk.get(f"orders/order/{order.body['id']}/change/").text
    for shown in (
        "£4.00",
        "£7.00",
        "&lt;first&gt;",
        "Captured: £4.00, cash &lt;first&gt;.",
    ):
        assert shown in text
    assert "{&#x27;" not in text


def test_an_order_is_paid_cancelled_and_refunded_in_place(
    desk: Desk, customer: Api, order: Answer
) -> None:
    number, page = order.body["number"], f"orders/order/{order.body['id']}/"
    text = desk.get(f"{page}change/").text
    assert (f"/{page}paid/" in text, f"/{page}refunded/" in text) == (True, False)
    sent = desk.open(f"{page}paid/") | {"method": "transfer", "reference": "A7"}
    for amount, message in (
        ("10.005", []),
        ("1e999999", []),
        ("10.00", [f"The payment of order {number} is recorded."]),
        ("9.00", [f"Order {number}: This page was sent before"]),
    ):
        answer = desk.post(f"{page}paid/", sent | {"amount": amount})
        shown = [*answer.messages, *answer.errors.get("__all__", [])]
        assert [text[: len(start)] for text, start in zip(shown, message, strict=True)] == message
    assert "Captured: £10.00, bank transfer A7." in desk.get(f"{page}change/").text
    assert "£10.00 to refund." in desk.get(f"{page}cancel/").text
    cancelled = desk.save(f"{page}cancel/")
    assert cancelled.messages == [f"Order {number} is cancelled. £10.00 to refund."]
    listed = desk.get(REFUNDS)
    for part in ("bank transfer", "A7", f"/{page}refunded/?next=/admin/{REFUNDS}"):
        assert part in listed.text
    address = f"{page}refunded/?next=/admin/{REFUNDS}"
    assert "amount" in desk.save(address, amount="10.01", method="cash").errors
    settled = desk.save(address, amount="9.99", method="cash")
    assert settled.messages == [f"The refund of order {number} is recorded. £0.01 to refund."]
    desk.save(address, method="cash")
    assert desk.get(REFUNDS).rows == []
    assert tables(desk, order)[0] == [["refunded", "£0.00", "–"]]


def test_a_cancelled_order_without_payments_has_nothing_to_pay(
    desk: Desk, customer: Api, order: Answer
) -> None:
    move(customer, order, "cancel")
    assert tables(desk, order) == [[["nothing to pay", "–", "–"]]]


def test_the_refunds_of_an_order_are_shown_only_with_their_permission(
    person: Callable[..., Person], staff: Api, order: Answer
) -> None:
    record(staff, order, 1100)
    clerk = allow(person(is_staff=True), "orders.view_order")
    desk = Desk(clerk)
    assert tables(desk, order)[0] == [["overpaid", "£0.00"]]
    assert desk.get(REFUNDS).status == 403
    assert f"/admin/{REFUNDS}" not in desk.get("").text
    allow(clerk, "orders.view_refunddue")
    assert desk.get(REFUNDS).status == 200
    assert f"/admin/{REFUNDS}" in desk.get("").text


def test_refunds_are_listed_by_age_with_their_orders(desk: Desk, staff: Api, order: Answer) -> None:
    record(staff, order, 1250)
    lost = uuid4()
    old = NOW - timedelta(days=9)
    RefundDue.objects.create(order=lost, currency="JPY", amount=300, since=old)
    page = desk.get(REFUNDS)
    assert [row.order for row in page.rows] == [lost, UUID(order.body["id"])]
    for shown in ("¥300.00", f"{lost}</span>: abandoned", "£2.50"):
        assert shown in page.text
    assert f'href="/admin/orders/order/{order.body["id"]}/change/"' in page.text
