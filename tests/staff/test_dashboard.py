"""The first page of the admin: what is to be done, and the sales of a period."""

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import UUID

import pytest

from larder.core.clock import now as clock
from larder.orders.decision import RequestedLine
from larder.orders.models import Order, RefundDue
from larder.orders.services import moves
from larder.orders.services.batches import place_order
from larder.orders.services.placing.placement import Placement, Terms
from larder.orders.services.transitions import TransitionRequest
from tests.conftest import ROLES, Person
from tests.ops.worker import run
from tests.staff.desk import Desk, allow

pytestmark = pytest.mark.django_db(transaction=True)

Place = Callable[..., UUID]


@pytest.fixture
def place(person: Callable[..., Person], product: Callable[..., int]) -> Place:
    """Places an order, `ago` before now: `place(ago=timedelta(days=2))`."""
    who, jam = person(), product(stock=1_000, price="2.50")

    def placed(ago: timedelta = timedelta(0), **fields: Any) -> UUID:
        lines = [RequestedLine(jam, 2)]
        asked = Placement(customer=who.id, actor=who.customer.public_id, lines=lines)
        order = place_order(asked, terms=Terms(currency="GBP"), now=clock() - ago).order.id
        Order.objects.filter(pk=order).update(**fields)
        return order

    return placed


LINK = re.compile(r'(?:<div class="bar">)?<a class="text-link" href="([^"]*)">(?:<[^>]*>)?([^<]+)<')


def numbers(desk: Desk, **period: str) -> list[tuple[str, str]]:
    """The numbers of the first page, each with its link; an empty link where there is none, as at
    amounts: a list of orders shows their totals of today."""
    page = desk.get("", **period)
    assert page.status == 200
    context = page.response.context
    cells = [
        *(cell for row in context["days"]["rows"] for cell in row[1:]),
        *(row[1] for row in context["best"]["rows"]),
    ]
    matches = [LINK.match(cell) for cell in cells]
    links = [
        ("", cell) if link is None else link.groups()
        for cell, link in zip(cells, matches, strict=True)
    ]
    figures = [
        ("" if figure.link == "#sales" else figure.link, figure.number)
        for figure in context["figures"]
    ]
    return [*figures, *((unescape(link), number.split(" ")[0]) for link, number in links)]


def summed(desk: Desk, link: str) -> set[str]:
    """What a list may say: how many rows it has; of orders, also their total and their units."""
    rows = desk.client.get(link).context["cl"]
    if rows.model is not Order:
        return {str(rows.result_count)}
    orders = Order.objects.filter(pk__in=[row.pk for row in rows.result_list])
    sold = orders.exclude(status="cancelled")
    revenue = sum(order.total for order in sold)
    units = sum(line.quantity for order in sold for line in order.lines.all())
    return {str(rows.result_count), f"{revenue:.2f}", str(units)}


def test_every_number_is_that_of_its_list(
    desk: Desk, boss: Person, place: Place, product: Callable[..., int]
) -> None:
    today = clock().date()
    for stock in (0, 0, 3, 9):
        product(stock=stock, low_stock_threshold=3)
    run("stock")
    for days in (0, 0, 1, 3, 3, 20):
        place(timedelta(days=days))
    place(requested_for=today)
    packed = place(timedelta(days=2), requested_for=today - timedelta(days=1))
    cancelled = place(timedelta(days=1))
    request = TransitionRequest(order=packed, caller=boss.caller, now=clock())
    moves.pack_order(request, picked=[])
    moves.cancel_order(TransitionRequest(order=cancelled, caller=boss.caller, now=clock()))
    shown = numbers(desk, period="week")
    for link, number in shown:
        assert not link or number in summed(desk, link), (link, number)
    assert {"7", "1", "8", "14"} <= {number for _, number in shown}
    stocks = [number for link, number in shown if "/catalog/product/?stock=" in link]
    assert stocks == ["2", "3"]


def test_sales_are_those_of_days_in_the_shops_time_zone(
    desk: Desk, place: Place, settings: Any
) -> None:
    settings.SHOP_TIME_ZONE = "Pacific/Kiritimati"
    late = (clock() - timedelta(days=3)).replace(hour=11)
    place(clock() - late)
    page = desk.get("", period="month")
    days = [row[0] for row in page.response.context["days"]["rows"]]
    assert days == ["All days", f"{late + timedelta(days=1):%d %b %Y}"]


@pytest.mark.parametrize(
    ("permission", "shown"),
    [
        ("orders.view_order", {"To pack"}),
        ("orders.view_refunddue", {"Refunds due"}),
        ("catalog.view_product", {"Out of stock", "Low stock"}),
        ("inventory.view_adjustment", set()),
    ],
)
def test_each_part_is_shown_with_the_permission_for_its_rows(
    person: Callable[..., Person],
    place: Place,
    product: Callable[..., int],
    permission: str,
    shown: set[str],
) -> None:
    place()
    for stock in (0, 2):
        product(stock=stock, low_stock_threshold=3)
    RefundDue.objects.create(order=place(), currency="GBP", amount=5, since=clock())
    run("stock")
    text = Desk(allow(person(is_staff=True), permission)).get("").text
    content = text[text.index('id="content"') :]
    parts = ("To pack", "Sales, ", "Refunds due", "Out of stock", "Low stock")
    assert {part for part in parts if part in content} == shown


@pytest.mark.parametrize(
    ("permissions", "shown"),
    [
        (("orders.view_order", "orders.export_order"), True),
        (("orders.view_order", "identity.view_customer"), True),
        (sorted(ROLES["warehouse"]), False),
        (sorted(ROLES["viewer"]), True),
    ],
)
def test_sales_need_a_permission_beyond_that_to_see_orders(
    person: Callable[..., Person], place: Place, permissions: Sequence[str], shown: bool
) -> None:
    place()
    page = Desk(allow(person(is_staff=True), *permissions)).get("")
    parts = ('id="sales"', "Revenue", "Best sellers")
    assert [part in page.text for part in parts] == [shown] * 3
