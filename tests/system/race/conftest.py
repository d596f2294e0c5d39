"""The services as a shop, and phones of customers."""

from collections.abc import Callable
from datetime import datetime

import pytest

from tests.conftest import Person
from tests.system.race.phones import Phone
from tests.system.race.shops import ServiceShop


@pytest.fixture
def shop(transactional_db: None) -> ServiceShop:
    """The shop."""
    return ServiceShop()


@pytest.fixture
def people(person: Callable[..., Person]) -> list[Person]:
    """A few customers who share the orders of a crowd. Those of one customer wait for each other,
    because they take units of a quota before they lock stock."""
    return [person() for _ in range(3)]


@pytest.fixture
def phone(person: Callable[..., Person], now: datetime) -> Callable[[], Phone]:
    """A phone of another customer each time."""
    return lambda: Phone(person(), now)
