"""What was booked in a period stays as it was, whatever happens to its orders later."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace as with_other

from larder.identity.queries import with_rights
from larder.orders.decision import RequestedLine
from larder.orders.models import SalesChange
from larder.orders.queries import sales
from larder.orders.services import changes, moves
from larder.orders.services.batches import confirm_order, place_order
from larder.orders.services.moves import Picked, ReturnedLine, return_order
from larder.orders.services.transitions import TransitionRequest
from tests.conftest import Person
from tests.orders.holding import GBP, WITH_BOOKS, MakePerson, MakeProduct, held_by

pytestmark = WITH_BOOKS

JUNE = datetime(2026, 6, 1, tzinfo=UTC)
JULY = JUNE + timedelta(days=30)


def booked(begins: datetime) -> list[SalesChange]:
    """What was booked in a month."""
    parts = sales.bookings(begins, begins + timedelta(days=30))
    return [booking for _, part in parts for booking in part]


def placed() -> list[tuple[Any, ...]]:
    """What the lines of the order count in June."""
    names = ("product", "tax_rate", "quantity", "gross", "net", "returned")
    return [tuple(getattr(row, name) for name in names) for row in booked(JUNE)]


def totals(begins: datetime) -> tuple[Decimal, Decimal]:
    """What was sold in a month, and what came back."""
    rows = booked(begins)
    sold, back = sum(row.gross for row in rows), sum(row.returned_gross for row in rows)
    return Decimal(sold) / 100, Decimal(back) / 100


Later = Callable[["Shop"], None]


class Shop:
    """An order of three jams and a tea in June, and who moves it in July."""

    def __init__(self, person: MakePerson, product: MakeProduct) -> None:
        self.jam = product(stock=90, price="1.005", tax_rate=Decimal(20))
        self.tea = product(stock=90, price="2.00", tax_rate=Decimal(7))
        self.oil = product(stock=90, price="5.00")
        self.who: Person = person()
        self.clerk = with_rights(person(is_staff=True, role="owner").caller)

    def moved(self) -> TransitionRequest:
        return TransitionRequest(order=self.order, caller=self.clerk, now=JULY + timedelta(days=2))

    def place(self, *, held: bool) -> None:
        asked = held_by(self.who, (self.jam, 3), (self.tea, 1))
        placed = asked if held else with_other(asked, hold=None)
        self.order = place_order(placed, terms=GBP, now=JUNE + timedelta(days=3)).order.id


def cancel(shop: Shop) -> None:
    moves.cancel_order(shop.moved())


def pack_less(shop: Shop) -> None:
    moves.pack_order(shop.moved(), picked=[Picked(shop.jam, 1, True)])


def change(shop: Shop) -> None:
    lines = [RequestedLine(shop.jam, 5), RequestedLine(shop.oil, 1)]
    changes.change_order(shop.moved(), terms=GBP, lines=lines)


def give_back(shop: Shop) -> None:
    moves.pack_order(shop.moved())
    moves.ship_order(shop.moved())
    return_order(shop.moved(), lines=[ReturnedLine(shop.jam, 2, False)], reason="broken")


@pytest.mark.parametrize(
    ("later", "july"),
    [
        (cancel, ("-5.02", "0")),
        (pack_less, ("-2.01", "0")),
        (change, ("5.01", "0")),
        (give_back, ("0", "2.01")),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_later_change_is_booked_in_its_own_month(
    later: Later, july: tuple[str, str], person: MakePerson, product: MakeProduct
) -> None:
    shop = Shop(person, product)
    shop.place(held=False)
    june = [(shop.jam, Decimal(20), 3, 302, 252, 0), (shop.tea, Decimal(7), 1, 200, 187, 0)]
    assert placed() == june
    later(shop)
    assert placed() == june
    assert totals(JULY) == tuple(map(Decimal, july))


def test_an_order_that_awaited_its_payment_is_booked_when_it_is_confirmed(
    person: MakePerson, product: MakeProduct
) -> None:
    shop = Shop(person, product)
    shop.place(held=True)
    assert (booked(JUNE), booked(JULY)) == ([], [])
    confirm_order(shop.moved())
    assert (booked(JUNE), totals(JULY)) == ([], (Decimal("5.02"), Decimal(0)))
    cancel(shop)
    assert totals(JULY) == (Decimal(0), Decimal(0))
