"""Random holds, orders, confirmations, cancellations, expiries and clock steps, against a model."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from larder.core.errors import DomainError
from larder.db import database
from larder.ops.books import invariants
from larder.orders.services import moves
from larder.orders.services.expire_holds import expire_holds
from tests.conftest import Person
from tests.orders import holding
from tests.orders.holding import balance, pass_seconds, request, status

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
STOCK, PERIOD = 6, 100
pytestmark = pytest.mark.django_db(transaction=True)

units = some.integers(0, 3)
steps = some.lists(
    some.one_of(
        some.tuples(
            some.just("hold"), some.integers(1, 3), some.integers(0, 3), some.integers(1, 4)
        ),
        some.tuples(some.just("order"), some.integers(0, 3), some.integers(0, 3)),
        some.tuples(some.sampled_from(["confirm", "cancel"]), some.integers(0, 4)),
        some.tuples(some.sampled_from(["pass", "back", "job"])),
    ),
    max_size=14,
)


@dataclass
class Held:
    """An order of the model: units by product, and those that it still holds."""

    units: dict[int, int]
    expires: int
    open: set[int]
    status: str = "pending"


@dataclass
class Model:
    """The expected stock: available units, and holds in the order of their begin."""

    free: dict[int, int]
    now: int = 0
    held: dict[UUID, Held] = field(default_factory=dict)

    def release(self, products: set[int]) -> None:
        """Releases the due lines of products, as each service that locks them does."""
        for hold in self.held.values():
            for product in hold.open & products if hold.expires <= self.now else ():
                self.free[product] += hold.units[product]
                hold.open = hold.open - {product}

    def take(self, units: dict[int, int]) -> bool:
        """Takes units, all or none."""
        if any(self.free[product] < n for product, n in units.items()):
            return False
        for product, n in units.items():
            self.free[product] -= n
        return True


class Play:
    """Plays steps on the services and on the model."""

    def __init__(self, who: Person, clerk: Person, jam: int, tea: int) -> None:
        self.who, self.clerk, self.jam, self.tea = who, clerk, jam, tea
        self.model = Model({jam: STOCK, tea: STOCK})

    def units(self, jam: int, tea: int) -> dict[int, int]:
        return {product: n for product, n in ((self.jam, jam), (self.tea, tea)) if n}

    def hold(self, jam: int, tea: int, periods: int) -> None:
        units = self.units(jam, tea)
        self.model.release(set(units))
        try:
            order = holding.hold(self.who, *units.items(), seconds=periods * PERIOD - PERIOD // 2)
        except DomainError:
            assert not self.model.take(units)
            return
        assert self.model.take(units)
        self.model.held[order.id] = Held(units, self.model.now + periods, set(units))

    def order(self, jam: int, tea: int) -> None:
        if not (units := self.units(jam, tea)):
            return
        self.model.release(set(units))
        try:
            holding.order(self.who, *units.items())
        except DomainError:
            assert not self.model.take(units)
            return
        assert self.model.take(units)

    def confirm(self, at: int) -> None:
        if at >= len(self.model.held):
            return
        id, hold = list(self.model.held.items())[at]
        if hold.status == "placed":
            return
        if hold.status != "cancelled":
            self.model.release(set(hold.units))
        lacks = {product: n for product, n in hold.units.items() if product not in hold.open}
        may = hold.status != "cancelled" and self.model.take(lacks)
        try:
            holding.confirm(self.clerk, id)
        except DomainError:
            assert not may
            return
        assert may
        hold.status, hold.open = "placed", set()

    def cancel(self, at: int) -> None:
        if at >= len(self.model.held):
            return
        id, hold = list(self.model.held.items())[at]
        if hold.status in {"cancelled", "placed"}:
            return
        self.model.release(set(hold.units))
        for product in hold.open:
            self.model.free[product] += hold.units[product]
        hold.open, hold.status = set(), "cancelled"
        moves.cancel_order(request(self.who.caller, id))

    def pass_(self, periods: int) -> None:
        self.model.now += periods
        pass_seconds(periods * PERIOD, list(self.model.held))

    def job(self) -> None:
        due = [
            hold
            for hold in self.model.held.values()
            if hold.status == "pending" and hold.expires <= self.model.now
        ]
        self.model.release({product for hold in due for product in hold.units})
        for hold in due:
            hold.status = "expired"
        assert expire_holds(now=datetime.now(UTC), limit=100) == len(due)

    def settle(self) -> None:
        """Expires what is pending, so that the job of the next example does not find it."""
        pass_seconds(20 * PERIOD, list(self.model.held))
        expire_holds(now=datetime.now(UTC), limit=100)

    def check(self) -> None:
        for product, free in self.model.free.items():
            assert balance(product) == (free, STOCK - free)
        for id, hold in self.model.held.items():
            assert status(id) == hold.status
        assert [each.invariant.name for each in invariants.check().violated] == []


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps)
def test_stock_ledger_and_held_lines_match_the_model(
    person: MakePerson, product: MakeProduct, taken: list[tuple[object, ...]]
) -> None:
    clerk = person(is_staff=True, role="owner")
    play = Play(person(), clerk, product(stock=STOCK), product(stock=STOCK))
    try:
        for what, *values in taken:
            if what in {"pass", "back"}:
                play.pass_(1 if what == "pass" else -1)
            else:
                getattr(play, str(what))(*values)
        play.check()
    finally:
        play.settle()


def test_holds_of_different_lengths_are_released_in_order_of_expiry(
    person: MakePerson, product: MakeProduct
) -> None:
    """The second of three holds of a product expires first, then the third one."""
    clerk = person(is_staff=True, role="owner")
    play = Play(person(), clerk, product(stock=STOCK), product(stock=STOCK))
    for units, periods in ((1, 3), (2, 1), (1, 2)):
        play.hold(units, 0, periods)
    play.check()
    play.pass_(1)
    play.order(4, 0)
    play.check()
    play.pass_(2)
    play.order(2, 0)
    with suppress(DomainError):
        holding.order(play.who, (play.jam, 1))
    play.job()
    play.check()


def test_an_order_with_units_that_are_not_due_does_not_expire(
    person: MakePerson, product: MakeProduct
) -> None:
    """The clock was set back after the job had found the order."""
    who, jam = person(), product(stock=5)
    held = holding.hold(who, (jam, 3)).id
    database.execute(
        "UPDATE \"order\" SET expires_at = now() - interval '1 s' WHERE id = %s", [held]
    )
    assert expire_holds(now=datetime.now(UTC), limit=100) == 0
    assert (status(held), balance(jam)) == ("pending", (2, 3))
