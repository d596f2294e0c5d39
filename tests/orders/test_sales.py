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
from larder.orders.models import Order, OrderLine, ProductSales, SalesDay, SalesMark
from larder.orders.services import moves, sales
from larder.orders.services.placing.place_order import place_order
from larder.orders.services.placing.placement import Placement, Terms
from larder.orders.services.sales import refresh_sales
from larder.orders.services.transitions import TransitionRequest
from larder.orders.sql import daily
from tests.conftest import Person
from tests.db.feeds import settle

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

    def change(self) -> None:
        """Cancels an order, or packs fewer units of it than were ordered."""
        order = self.placed.pop(self.random.randrange(len(self.placed)))
        staff = self.people[0].caller
        request = TransitionRequest(order=order, caller=staff, now=BEGAN + timedelta(days=9))
        if self.random.random() < 0.5:
            moves.cancel_order(request)
        else:
            lines = OrderLine.objects.filter(order=order).order_by("id")
            picked = [
                moves.Picked(one.product_id, self.random.randint(0, one.quantity)) for one in lines
            ]
            moves.pack_order(request, picked=picked)


def counted(zone: ZoneInfo) -> dict[tuple[date, str], tuple[int, int, Decimal]]:
    """The sales by a look at every order."""
    found: dict[tuple[date, str], tuple[int, int, Decimal]] = {}
    for order in Order.objects.exclude(placed_at=None):
        assert order.placed_at is not None
        key = order.placed_at.astimezone(zone).date(), order.currency
        orders, cancelled, revenue = found.get(key, (0, 0, Decimal(0)))
        is_sold = order.status not in {"cancelled", "pending", "expired"}
        found[key] = (
            orders + 1,
            cancelled + (order.status == "cancelled"),
            revenue + (order.total if is_sold else 0),
        )
    return found


def stored() -> dict[tuple[date, str], tuple[int, int, Decimal]]:
    rows = SalesDay.objects.values_list("day", "currency", "orders", "cancelled", "revenue")
    return {(day, currency): (orders, cut, total) for day, currency, orders, cut, total in rows}


def units(zone: ZoneInfo) -> dict[tuple[date, int], int]:
    found: dict[tuple[date, int], int] = {}
    for line in OrderLine.objects.exclude(order__status__in=["cancelled", "pending", "expired"]):
        assert line.placed_at is not None
        key = line.placed_at.astimezone(zone).date(), line.product_id
        found[key] = found.get(key, 0) + line.quantity
    return found


@pytest.fixture
def shop(person: Callable[..., Person], product: Callable[..., int]) -> Shop:
    people = [person(is_staff=True, is_superuser=True), person(), person()]
    return Shop(people, [product(stock=500, price=f"{n}.25") for n in range(1, 7)], seed=7)


def test_sales_equal_a_direct_count_after_every_run(shop: Shop) -> None:
    for turn in range(6):
        for _ in range(8):
            shop.place(BEGAN + timedelta(hours=shop.random.randint(0, 96)))
        for _ in range(4):
            shop.change()
        settle()
        refresh_sales(zone=BERLIN, now=BEGAN + timedelta(days=10 + turn))
        assert stored() == counted(BERLIN)
        products = ProductSales.objects.values_list("day", "product", "units")
        assert {(day, one): number for day, one, number in products} == units(BERLIN)
    assert queries.counted_at(BERLIN.key) == BEGAN + timedelta(days=15)


def test_a_run_counts_only_days_whose_orders_changed(shop: Shop) -> None:
    for days in range(5):
        shop.place(BEGAN + timedelta(days=days))
    settle()
    assert refresh_sales(zone=BERLIN, now=BEGAN) == 5
    assert refresh_sales(zone=BERLIN, now=BEGAN) == 0
    shop.change()
    settle()
    assert refresh_sales(zone=BERLIN, now=BEGAN) == 1
    assert stored() == counted(BERLIN)


def test_what_was_counted_is_counted_anew_in_another_time_zone(shop: Shop) -> None:
    late = datetime(2026, 3, 27, 23, 30, tzinfo=UTC)
    shop.place(late)
    for zone, day in (("UTC", 27), ("Europe/Berlin", 28), ("UTC", 27)):
        refresh_sales(zone=ZoneInfo(zone), now=late)
        assert [one for one, _ in stored()] == [date(2026, 3, day)]
        assert SalesMark.objects.get().zone == zone


def test_after_a_restore_everything_is_counted_anew(shop: Shop) -> None:
    shop.place(BEGAN)
    settle()
    refresh_sales(zone=BERLIN, now=BEGAN)
    SalesMark.objects.update(epoch="of another cluster")
    SalesDay.objects.update(orders=99)
    assert refresh_sales(zone=BERLIN, now=BEGAN) == 1
    assert stored() == counted(BERLIN)


def test_a_run_that_could_not_read_all_events_is_not_complete(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.place(BEGAN)
    settle()
    refresh_sales(zone=BERLIN, now=BEGAN)
    for _ in range(3):
        shop.place(BEGAN)
    settle()
    monkeypatch.setattr(sales, "PART", 1)
    monkeypatch.setattr(sales, "MOST_PARTS", 2)
    later = BEGAN + timedelta(minutes=1)
    refresh_sales(zone=BERLIN, now=later)
    assert queries.counted_at(BERLIN.key) == BEGAN
    refresh_sales(zone=BERLIN, now=later)
    assert queries.counted_at(BERLIN.key) == later


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


def test_a_day_that_cannot_be_counted_does_not_keep_the_others(shop: Shop) -> None:
    for days in (0, 1, 1, 2):
        shop.place(BEGAN + timedelta(days=days))
    settle()
    broken = Order.objects.filter(placed_at=BEGAN + timedelta(days=1))
    was = broken.values_list("total", flat=True)[0]
    broken.update(total=Decimal(10) ** 21 - 1, currency="GBP")
    assert refresh_sales(zone=BERLIN, now=BEGAN) == 2
    assert len(stored()) == 2
    assert queries.counted_at(BERLIN.key) is None
    # The next run tries it again, and only it.
    broken.update(total=was)
    assert refresh_sales(zone=BERLIN, now=BEGAN) == 1
    assert stored() == counted(BERLIN)
    assert queries.counted_at(BERLIN.key) == BEGAN


def test_a_run_that_is_cut_off_keeps_the_days_that_it_counted(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for days in range(4):
        shop.place(BEGAN + timedelta(days=days))
    settle()
    count = sales._count

    def cut_off(day: date, zone: ZoneInfo) -> None:
        if day == BEGAN.date() + timedelta(days=1):
            raise KeyboardInterrupt
        count(day, zone)

    with monkeypatch.context() as ending:
        ending.setattr(sales, "_count", cut_off)
        with pytest.raises(KeyboardInterrupt):
            refresh_sales(zone=BERLIN, now=BEGAN)
    newest = BEGAN.date() + timedelta(days=2)
    assert {day for day, _ in stored()} == {newest, newest + timedelta(days=1)}
    assert refresh_sales(zone=BERLIN, now=BEGAN) == 2
    assert stored() == counted(BERLIN)


def test_a_run_ends_if_no_day_can_be_counted(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for days in range(4):
        shop.place(BEGAN + timedelta(days=days))
    settle()
    tried: list[date] = []

    def fail(day: date, zone: ZoneInfo) -> None:
        tried.append(day)
        raise OperationalError

    monkeypatch.setattr(sales, "_count", fail)
    monkeypatch.setattr(sales, "MOST_FAILED", 2)
    with pytest.raises(OperationalError):
        refresh_sales(zone=BERLIN, now=BEGAN)
    assert len(tried) == 2
