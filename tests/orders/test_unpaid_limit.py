"""How many units a customer may order without paying, and the shop that wants every order paid."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace as with_other

from larder.identity.caller import Caller
from larder.identity.queries import with_rights
from larder.identity.services.audit import StaffActing
from larder.orders.decision import RequestedLine
from larder.orders.errors import PaymentRequired, UnpaidLimit
from larder.orders.models import Order, OrderLine
from larder.orders.services import changes, moves
from larder.orders.services.batches import place_order
from larder.orders.services.placing.placement import Hold, Placed, Placement, Terms
from tests.conftest import Person
from tests.orders.holding import (
    SECONDS,
    WITH_BOOKS,
    Line,
    MakePerson,
    MakeProduct,
    balance,
    held_by,
    pass_seconds,
    request,
)
from tests.orders.placing import place_orders

pytestmark = WITH_BOOKS

TEN = Terms(currency="GBP", unpaid_units=100)
"""Ten units for a customer to whom nothing was shipped yet."""


def plain(who: Person, *lines: Line) -> Placement:
    return with_other(held_by(who, *lines), hold=None)


def place(asked: Placement, terms: Terms = TEN) -> Placed:
    return place_order(asked, terms=terms, now=datetime.now(UTC))


def refused(asked: Placement) -> UnpaidLimit:
    with pytest.raises(UnpaidLimit) as refusal:
        place(asked)
    return refusal.value


def test_unpaid_units_are_limited_also_within_a_batch(
    person: MakePerson, product: MakeProduct
) -> None:
    jam, tea, who = product(stock=90), product(stock=1), person()
    asked = [plain(who, line) for line in ((jam, 6), (tea, 3), (jam, 5), (jam, 4))]
    answers = place_orders(asked, terms=TEN, now=datetime.now(UTC))
    codes = [getattr(answer, "code", "placed") for answer in answers]
    assert codes == ["placed", "insufficient_stock", "unpaid_limit", "placed"]
    assert refused(held_by(who, (jam, 1))).extensions == {
        "limit": 10,
        "unpaid": 10,
        "requested": 1,
    }
    assert balance(jam) == (80, 10)
    place(plain(person(), (jam, 10)))


@pytest.mark.parametrize("end", ["cancelled", "expired", "packed", "paid", "a day ago"])
def test_units_that_are_not_open_and_unpaid_do_not_count(
    end: str, person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    jam, who = product(stock=90), person()
    asked = held_by(who, (jam, 10)) if end == "expired" else plain(who, (jam, 10))
    order = place(asked).order.id
    refused(plain(who, (jam, 1)))
    if end == "cancelled":
        moves.cancel_order(request(clerk.caller, order))
    elif end == "expired":
        pass_seconds(SECONDS, [order])
    elif end == "packed":
        moves.pack_order(request(clerk.caller, order))
    elif end == "paid":
        _note_payment(order, 1499)
        refused(plain(who, (jam, 1)))
        _note_payment(order, 1500)
    else:
        _age(order)
    place(plain(who, (jam, 10)))
    _note_payment(order, None)


def _age(*orders: UUID) -> None:
    """Makes orders a day old."""
    day_ago = datetime.now(UTC) - timedelta(days=1)
    Order.objects.filter(id__in=orders).update(placed_at=day_ago, updated_at=day_ago)
    OrderLine.objects.filter(order__in=orders).update(placed_at=day_ago)


def _note_payment(order: UUID, amount: int | None) -> None:
    """Writes what is authorised, as the record of a payment does."""
    none = None if amount is None else 0
    sums = {"authorised": amount, "captured": none, "refunded": none, "disputed": none}
    Order.objects.filter(id=order).update(**sums)


def test_a_customer_to_whom_the_shop_has_shipped_has_the_full_limit(
    person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    jam, who = product(stock=200), person()
    order = place(plain(who, (jam, 1))).order.id
    moves.pack_order(request(clerk.caller, order))
    moves.ship_order(request(clerk.caller, order))
    place(plain(who, (jam, 100)))
    assert refused(plain(who, (jam, 1))).limit == 100


def test_a_change_adds_no_units_beyond_the_limit(
    person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    jam, who = product(stock=90), person()
    order = place(plain(who, (jam, 2))).order.id
    place(plain(who, (jam, 2)))
    # Also of an order that no longer counts itself.
    _age(order)
    changes.change_order(request(who.caller, order), terms=TEN, lines=[RequestedLine(jam, 8)])
    with pytest.raises(UnpaidLimit):
        changes.change_order(request(who.caller, order), terms=TEN, lines=[RequestedLine(jam, 9)])
    staff = with_rights(clerk.caller)
    changes.change_order(request(staff, order), terms=TEN, lines=[RequestedLine(jam, 30)])
    changes.change_order(request(who.caller, order), terms=TEN, lines=[RequestedLine(jam, 20)])


def test_an_old_order_that_is_changed_counts_again(
    person: MakePerson, product: MakeProduct
) -> None:
    jam, who = product(stock=90), person()
    first, second = (place(plain(who, (jam, 1))).order.id for _ in range(2))
    _age(first, second)
    changes.change_order(request(who.caller, first), terms=TEN, lines=[RequestedLine(jam, 8)])
    with pytest.raises(UnpaidLimit):
        changes.change_order(request(who.caller, second), terms=TEN, lines=[RequestedLine(jam, 3)])
    assert refused(plain(who, (jam, 3))).unpaid == 8


def test_staff_place_any_number_of_units(
    person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    jam, who = product(stock=90), person()
    caller = with_rights(clerk.caller)
    by_staff = StaffActing(caller.public_id, "v1", caller)
    place(with_other(plain(who, (jam, 50)), actor=caller.public_id, acting=by_staff))
    refused(plain(who, (jam, 1)))


def test_a_shop_that_needs_payment_holds_customers_own_orders_that_cost_something(
    person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    jam, leaflet, who = product(stock=90), product(price="0"), person()
    prepaid = Terms(currency="GBP", own_hold=Hold(SECONDS))
    caller = with_rights(clerk.caller)
    by_staff = StaffActing(caller.public_id, "v1", caller)
    asked = plain(who, (jam, 1))
    for placement, status in (
        (asked, "pending"),
        (with_other(asked, actor=caller.public_id, acting=by_staff), "placed"),
        (plain(who, (leaflet, 1)), "placed"),
        (held_by(who, (leaflet, 1)), "placed"),
    ):
        order = place(placement, prepaid).order
        assert (order.status, order.expires_at is None) == (status, status == "placed")


def test_a_shop_that_needs_payment_lets_customers_raise_an_order_only_to_what_is_paid(
    person: MakePerson, product: MakeProduct, clerk: Person
) -> None:
    jam, leaflet, who = product(stock=90), product(price="0", stock=90), person()
    prepaid = Terms(currency="GBP", own_hold=Hold(SECONDS))
    free, paid = (place(plain(who, line)).order.id for line in ((leaflet, 1), (jam, 2)))
    _note_payment(paid, 300)

    def change(order: UUID, *lines: Line, by: Caller = who.caller) -> None:
        requested = [RequestedLine(*line) for line in lines]
        changes.change_order(request(by, order), terms=prepaid, lines=requested)

    for order, amount in ((free, 0), (paid, 300)):
        with pytest.raises(PaymentRequired) as refusal:
            change(order, (jam, 4))
        expected = {"due": 600 - amount, "paid": amount, "currency": "GBP"}
        assert refusal.value.extensions == expected
    change(free, (leaflet, 9))
    change(paid, (jam, 1), (leaflet, 9))
    change(paid, (jam, 2))
    change(paid, (jam, 4), by=with_rights(clerk.caller))
    change(paid, (jam, 3))
    _note_payment(paid, None)
