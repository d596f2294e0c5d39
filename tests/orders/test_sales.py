"""The sales of each day equal a direct count, however orders changed in between."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db.models import Sum

from larder.orders.decision import RequestedLine
from larder.orders.models import Order, OrderLine, SalesChange
from larder.orders.queries import sales
from larder.orders.services import moves
from larder.orders.services.batches import place_order
from larder.orders.services.placing.placement import Placement, Terms
from larder.orders.services.transitions import TransitionRequest
from tests.conftest import Person

BERLIN = ZoneInfo("Europe/Berlin")
BEGAN = datetime(2026, 3, 27, 12, tzinfo=UTC)
"""Two days before the clocks of Berlin go forward."""

pytestmark = pytest.mark.django_db(transaction=True)


class Shop:
    """A shop with orders at random."""

    def __init__(self, people: list[Person], products: list[int], seed: int) -> None:
        self.people, self.products, self.random = people, products, Random(seed)  # noqa: S311
        self.placed: list[Any] = []

    def place(self, at: datetime) -> None:
        who = self.random.choice(self.people)
        chosen = self.random.sample(self.products, self.random.randint(1, 3))
        lines = [RequestedLine(id, self.random.randint(1, 4)) for id in chosen]
        asked = Placement(customer=who.id, actor=who.customer.public_id, lines=lines)
        currency = self.random.choice(["GBP", "GBP", "EUR"])
        order = place_order(asked, terms=Terms(currency=currency), now=at).order
        self.placed.append(order.id)

    def change(self, at: datetime) -> None:
        """Cancels an order, or packs fewer units of it than were ordered."""
        order = self.placed.pop(self.random.randrange(len(self.placed)))
        staff = self.people[0].caller
        request = TransitionRequest(order=order, caller=staff, now=at)
        if self.random.random() < 0.5:
            moves.cancel_order(request)
        else:
            lines = OrderLine.objects.filter(order=order).order_by("id")
            picked = [
                moves.Picked(row.product_id, self.random.randint(0, row.quantity)) for row in lines
            ]
            moves.pack_order(request, picked=picked)


def counted(zone: ZoneInfo) -> dict[tuple[date, str], tuple[int, int, Decimal]]:
    """The sales by a look at every order and every change."""
    counts: dict[tuple[date, str], tuple[int, int, Decimal]] = {}

    def add(at: datetime, currency: str, orders: int, cancelled: int, amount: Decimal) -> None:
        key = at.astimezone(zone).date(), currency
        before = counts.get(key, (0, 0, Decimal(0)))
        counts[key] = (before[0] + orders, before[1] + cancelled, before[2] + amount)

    for order in Order.objects.all():
        changes = SalesChange.objects.filter(order=order)
        later = Decimal(sum(change.gross for change in changes)) / 100
        present = Decimal(0) if order.status == "cancelled" else order.total
        add(order.placed_at, order.currency, 1, 0, present - later)
        if changes:
            is_cancelled = changes[0].type == "cancelled"
            add(changes[0].at, order.currency, 0, is_cancelled, later)
    return counts


@pytest.fixture
def shop(person: Callable[..., Person], product: Callable[..., int]) -> Shop:
    people = [person(is_staff=True, is_superuser=True), person(), person()]
    return Shop(people, [product(stock=500, price=f"{n}.25") for n in range(1, 7)], seed=7)


def test_sales_equal_a_direct_count(shop: Shop) -> None:
    for turn in range(6):
        for _ in range(8):
            shop.place(BEGAN + timedelta(hours=24 * turn + shop.random.randint(0, 20)))
        for _ in range(4):
            shop.change(BEGAN + timedelta(hours=24 * turn + 22))
    first, last = BEGAN.date(), BEGAN.date() + timedelta(days=6)
    for zone in (BERLIN, ZoneInfo("Pacific/Kiritimati")):
        counted_sales = {
            (row.day, row.currency): (row.orders, row.cancelled, row.revenue)
            for row in sales.day_sales(first, last + timedelta(days=1), zone)
        }
        assert counted_sales == counted(zone)


def test_best_sellers_are_those_of_the_lines(shop: Shop) -> None:
    for _ in range(20):
        shop.place(BEGAN)
    for _ in range(6):
        shop.change(BEGAN)
    best = sales.best_sellers(BEGAN.date(), BEGAN.date(), BERLIN, limit=3)
    lines = OrderLine.objects.exclude(order__status="cancelled").values_list("product")
    sold = sorted(((-units, id) for id, units in lines.annotate(sold=Sum("quantity"))))
    assert best == [(id, -units) for units, id in sold[:3]]
