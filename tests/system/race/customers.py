"""Customers who share the requests of a crowd."""

from collections.abc import Callable, Sequence

from tests.conftest import Person
from tests.system.race.shops import ServiceShop


def few(person: Callable[[], Person]) -> list[Person]:
    """A few customers who share the orders of a crowd. Those of one customer wait for each other,
    because they take units of a quota before they lock stock."""
    return [person() for _ in range(3)]


def enter(shop: ServiceShop, people: Sequence[Person]) -> None:
    """Logs each client in."""
    for who in people:
        shop.enter(who)
