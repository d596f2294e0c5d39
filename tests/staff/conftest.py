"""A superuser at the admin, and a running server for the browser tests."""

from collections.abc import Callable, Iterator

import pytest

from tests.conftest import Person
from tests.server import Server
from tests.staff.desk import Desk


@pytest.fixture
def boss(person: Callable[..., Person]) -> Person:
    return person("boss", is_staff=True, is_superuser=True)


@pytest.fixture
def desk(boss: Person) -> Desk:
    return Desk(boss)


@pytest.fixture
def site(transactional_db: None) -> Iterator[str]:
    """The address of a running server; in demo mode, where cookies need no TLS."""
    with Server(workers=1, environment={"DEMO": "1"}) as server:
        yield f"http://127.0.0.1:{server.port}"
