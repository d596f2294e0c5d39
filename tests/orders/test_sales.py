"""The sales of each day equal a direct count, however orders changed in between."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import OperationalError, connection
from django.db.models import Sum

from larder.orders import queries
from larder.orders.decision import Wanted
from larder.orders.models import Order, OrderLine, SalesChange, SalesDay, SalesMark
from larder.orders.services import moves, sales
from larder.orders.services.placing.place_order import place_order
from larder.orders.services.placing.placement import Placement, Terms
from larder.orders.services.sales import refresh_sales
from larder.orders.services.transitions import TransitionRequest
from larder.orders.sql import daily
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
        lines = [Wanted(one, self.random.randint(1, 4)) for one in chosen]
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
                moves.Picked(one.product_id, self.random.randint(0, one.quantity)) for one in lines
            ]
            moves.pack_order(request, picked=picked)


def counted(zone: ZoneInfo) -> dict[tuple[date, str], tuple[int, int, Decimal]]:
    """The sales by a look at every order and every change."""
    found: dict[tuple[date, str], tuple[int, int, Decimal]] = {}

    def add(at: datetime, currency: str, orders: int, cancelled: int, amount: Decimal) -> None:
        key = at.astimezone(zone).date(), currency
        before = found.get(key, (0, 0, Decimal(0)))
        found[key] = (before[0] + orders, before[1] + cancelled, before[2] + amount)

    for order in Order.objects.exclude(placed_at=None):
        assert order.placed_at is not None
        changes = SalesChange.objects.filter(order=order)
        later = Decimal(sum(change.gross for change in changes)) / 100
        present = Decimal(0) if order.status == "cancelled" else order.total
        add(order.placed_at, order.currency, 1, 0, present - later)
        if changes:
            is_cancelled = changes[0].type == "cancelled"
            add(changes[0].at, order.currency, 0, is_cancelled, later)
    return found


def stored() -> dict[tuple[date, str], tuple[int, int, Decimal]]:
    rows = SalesDay.objects.values_list("day", "currency", "orders", "cancelled", "revenue")
    return {(day, currency): (orders, cut, total) for day, currency, orders, cut, total in rows}


@pytest.fixture
def shop(person: Callable[..., Person], product: Callable[..., int]) -> Shop:
    people = [person(is_staff=True, is_superuser=True), person(), person()]
    return Shop(people, [product(stock=500, price=f"{n}.25") for n in range(1, 7)], seed=7)


def test_sales_equal_a_direct_count_after_every_run(shop: Shop) -> None:
    for turn in range(6):
        for _ in range(8):
            shop.place(BEGAN + timedelta(hours=24 * turn + shop.random.randint(0, 20)))
        for _ in range(4):
            shop.change(BEGAN + timedelta(hours=24 * turn + 22))
        refresh_sales(zone=BERLIN, now=BEGAN + timedelta(days=turn, hours=23))
        assert stored() == counted(BERLIN)
    assert queries.counted_at(BERLIN.key) == BEGAN + timedelta(days=5, hours=23)


def test_a_day_that_is_over_is_counted_once_more(shop: Shop) -> None:
    for days in range(5):
        shop.place(BEGAN + timedelta(days=days))
    now = BEGAN + timedelta(days=4)
    # The day before the first order is counted too.
    assert refresh_sales(zone=BERLIN, now=now) == 6
    assert refresh_sales(zone=BERLIN, now=now) == 2
    assert refresh_sales(zone=BERLIN, now=now + timedelta(days=1)) == 3
    assert stored() == counted(BERLIN)


def test_what_was_counted_is_counted_anew_in_another_time_zone(shop: Shop) -> None:
    late = datetime(2026, 3, 27, 23, 30, tzinfo=UTC)
    shop.place(late)
    for zone, day in (("UTC", 27), ("Europe/Berlin", 28), ("UTC", 27)):
        refresh_sales(zone=ZoneInfo(zone), now=late)
        assert [one for one, _ in stored()] == [date(2026, 3, day)]
        assert SalesMark.objects.get().zone == zone


def test_only_the_best_sellers_of_a_day_are_kept(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(20):
        shop.place(BEGAN)
    monkeypatch.setattr(sales, "MAX_SOLD_PRODUCTS", 2)
    refresh_sales(zone=BERLIN, now=BEGAN)
    day = BEGAN.date()
    best = queries.best_sellers(day, day, limit=9)
    assert len(best) == 2
    lines = OrderLine.objects.values_list("product").annotate(sold=Sum("quantity"))
    assert [number for _, number in best] == sorted((one for _, one in lines), reverse=True)[:2]


def test_orders_due_are_counted_by_their_index(shop: Shop) -> None:
    shop.place(BEGAN)
    Order.objects.update(requested_for=BEGAN.date())
    assert queries.due_orders(BEGAN.date(), limit=9) == {"placed": 1, "packed": 0}
    assert queries.due_orders(BEGAN.date() - timedelta(days=1), limit=9) == {
        "placed": 0,
        "packed": 0,
    }
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute("EXPLAIN " + daily.DUE_ORDERS, [BEGAN.date(), 9])
        assert "order_due" in str(cursor.fetchall())


def test_orders_due_are_counted_up_to_the_limit_in_each_status(shop: Shop) -> None:
    for _ in range(5):
        shop.place(BEGAN)
    Order.objects.update(requested_for=BEGAN.date())
    staff = shop.people[0].caller
    for order in shop.placed[:2]:
        moves.pack_order(TransitionRequest(order=order, caller=staff, now=BEGAN), picked=[])
    assert queries.due_orders(BEGAN.date(), limit=2) == {"placed": 2, "packed": 2}


def test_a_day_that_cannot_be_counted_does_not_keep_the_others(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for days in (0, 1, 1, 2):
        shop.place(BEGAN + timedelta(days=days))
    count, now = sales._count, BEGAN + timedelta(days=2)

    def fail_once(day: date, zone: ZoneInfo) -> None:
        if day == BEGAN.date() + timedelta(days=1):
            raise OperationalError
        count(day, zone)

    with monkeypatch.context() as failing:
        failing.setattr(sales, "_count", fail_once)
        assert refresh_sales(zone=BERLIN, now=now) == 3
    assert len({day for day, _ in stored()}) == 2
    assert queries.counted_at(BERLIN.key) is None
    refresh_sales(zone=BERLIN, now=now)
    assert stored() == counted(BERLIN)
    assert queries.counted_at(BERLIN.key) == now


def test_a_run_ends_if_no_day_can_be_counted(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for days in range(4):
        shop.place(BEGAN + timedelta(days=days))
    tried: list[date] = []

    def fail(day: date, zone: ZoneInfo) -> None:
        tried.append(day)
        raise OperationalError

    monkeypatch.setattr(sales, "_count", fail)
    monkeypatch.setattr(sales, "MOST_FAILED", 2)
    with pytest.raises(OperationalError):
        refresh_sales(zone=BERLIN, now=BEGAN + timedelta(days=4))
    assert len(tried) == 2
