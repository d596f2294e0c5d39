"""A superuser at the admin, and a running server for the browser tests."""

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest

from tests.conftest import Person
from tests.server import Server
from tests.staff.desk import Desk
from tests.staff.moving import place


@pytest.fixture
def boss(person: Callable[..., Person]) -> Person:
    return person("boss", is_staff=True, is_superuser=True)


@pytest.fixture
def desk(boss: Person) -> Desk:
    return Desk(boss)


@pytest.fixture
def jam(product: Callable[..., int]) -> int:
    return product(sku="JAM-1", name="Red jam", price="1.50", stock=10)


@pytest.fixture
def order(person: Callable[..., Person], jam: int) -> UUID:
    """Four jars of jam for Mary."""
    return place(person("mary"), jam, 4)


@pytest.fixture
def site(transactional_db: None) -> Iterator[str]:
    """The address of a running server; in demo mode, where cookies need no TLS."""
    with Server(workers=1, environment={"DEMO": "1"}) as server:
        yield f"http://127.0.0.1:{server.port}"
