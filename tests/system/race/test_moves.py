"""Concurrent moves, changes and returns of one order: the second call waits for the first.

The guards are the lock on the order's row and the comparison in the statement that changes its
status.
"""

from collections.abc import Callable
from functools import partial
from uuid import UUID

import pytest

from larder.core.clock import now
from larder.db import database
from larder.ops.books import invariants
from larder.orders.payment_state import Kind
from larder.orders.services.payments import NewPayment, record_payment
from tests.conftest import Person
from tests.system.race.books import assert_agree, shelf
from tests.system.race.interleaving import ORDERS_READ, Race, assert_held
from tests.system.race.shops import OK, ServiceShop

MakePerson = Callable[..., Person]
STOCK, UNITS = 100, 6
SHOP = ServiceShop()

pytestmark = pytest.mark.django_db(transaction=True)


class Order:
    """An order of UNITS of a product, on which some moves were made."""

    def __init__(self, person: MakePerson, product: Callable[..., int], *moves: str) -> None:
        self.product = product(stock=STOCK)
        self.customer, self.clerk = person(), person(is_staff=True, role="owner")
        self.id: UUID = SHOP.place(self.customer, [(self.product, UNITS)]).content.id
        for move in moves:
            assert SHOP.move(self.clerk, self.id, move).code == OK

    def moving(self, move: str, units: int = 0) -> Callable[[], object]:
        """What moves the order; a return is of so many units."""
        lines = [(self.product, units)] if units else []
        return partial(SHOP.move, self.clerk, self.id, move, lines)

    def changing(self, units: int, version: int | None = None) -> Callable[[], object]:
        """What changes the order to so many units."""
        lines = [(self.product, units)]
        return partial(SHOP.change, self.customer, self.id, lines, version=version)

    def paying(self) -> Callable[[], object]:
        """What records that the order was paid."""
        payment = NewPayment(
            provider="stripe",
            kind=Kind.CAPTURED,
            transaction_id="pi_1",
            intent="pi_1",
            amount=300,
            currency="GBP",
            at=now(),
        )
        return partial(record_payment, self.id, payment, caller=self.clerk.caller, now=now())

    @property
    def events(self) -> list[str]:
        """What happened to the order after it was placed."""
        events = "SELECT type FROM order_event WHERE order_id = %s ORDER BY position"
        return [row[0] for row in database.rows(events, [self.id])][1:]


CASES = [
    # Moves made before, the two calls, their codes, the events, the units that are left.
    ("", "pack", "cancel", (OK, OK), "packed cancelled", STOCK),
    ("", "cancel", "pack", (OK, "invalid_transition"), "cancelled", STOCK),
    ("pack", "ship", "ship", (OK, OK), "packed shipped", STOCK - UNITS),
    ("pack", "ship", "cancel", (OK, "invalid_transition"), "packed shipped", STOCK - UNITS),
    ("pack", "cancel", "ship", (OK, "invalid_transition"), "packed cancelled", STOCK),
    ("", "change 8", "cancel", (OK, OK), "changed cancelled", STOCK),
    ("", "cancel", "change 8", (OK, "invalid_transition"), "cancelled", STOCK),
    ("", "change 8", "change 9", (OK, OK), "changed changed", STOCK - 9),
    ("", "change 8 1", "change 9 1", (OK, "precondition_failed"), "changed", STOCK - 8),
    ("pack ship", "return 4", "return 2", (OK, OK), "packed shipped returned returned", STOCK),
    (
        "pack ship",
        "return 4",
        "return 4",
        (OK, "return_exceeds_shipped"),
        "packed shipped returned",
        STOCK - 2,
    ),
]


@pytest.mark.parametrize(("before", "first", "second", "codes", "events", "left"), CASES)
def test_of_two_concurrent_moves_the_second_finds_what_the_first_made(
    before: str,
    first: str,
    second: str,
    codes: tuple[str, str],
    events: str,
    left: int,
    person: MakePerson,
    product: Callable[..., int],
) -> None:
    order = Order(person, product, *before.split())

    def call(text: str) -> Callable[[], object]:
        name, *numbers = text.split()
        if name == "change":
            return order.changing(*map(int, numbers))
        return order.moving(name, *map(int, numbers))

    assert_held(
        Race(call(first), call(second), ORDERS_READ, lambda outcome: outcome.codes == codes)
    )
    assert order.events == events.split()
    assert shelf(order.product).available == left
    assert_agree([order.product])


def test_an_order_that_is_cancelled_while_it_is_paid_has_a_refund_due(
    person: MakePerson, product: Callable[..., int]
) -> None:
    order = Order(person, product)
    assert_held(
        Race(
            order.paying(),
            order.moving("cancel"),
            ORDERS_READ,
            lambda outcome: outcome.codes == (OK, OK),
        )
    )
    assert database.rows("SELECT amount FROM refund_due") == [(300,)]
    assert not invariants.check().violated
