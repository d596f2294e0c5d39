"""Shops for races: the services and a running server, with all guards or without one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime

import pytest

from tests.conftest import Person
from tests.server import Server
from tests.system.race.guards import removal
from tests.system.race.phones import Phone
from tests.system.race.shops import HttpShop, Pair, ServiceShop, Shop


@pytest.fixture(scope="session")
def long_server(django_db_setup: None) -> Iterator[Server]:
    """One server for all races; the tables are emptied under it after each test."""
    with Server(workers=2) as running:
        yield running


@pytest.fixture(params=["service", "http"])
def interface(request: pytest.FixtureRequest) -> str:
    """Where the crowd comes in."""
    return str(request.param)


@pytest.fixture
def shop(interface: str, transactional_db: None, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """The shop as it is."""
    if interface == "service":
        yield ServiceShop()
    else:
        running = HttpShop(request.getfixturevalue("long_server"))
        yield running
        # A connection that waited for the next test might be closed by the server before.
        running.leave()


@pytest.fixture
def unguarded(
    interface: str, transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Shop]]:
    """The shop without a guard, at a pair of servers: `unguarded("row locks")`."""
    with ExitStack() as servers:

        def take_out(guard: str) -> Shop:
            if interface == "http":
                entry, options = "tests.system.race.unguarded:application", {"WITHOUT": guard}
                one, other = (
                    servers.enter_context(Server(workers=1, application=entry, environment=options))
                    for _ in range(2)
                )
                return HttpShop(Pair(one, other))
            for module, name, replacement in removal(guard):
                monkeypatch.setattr(module, name, replacement)
            return ServiceShop()

        yield take_out


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Takes a guard out of this process: for races at the services alone."""

    def take_out(guard: str) -> None:
        for module, name, replacement in removal(guard):
            monkeypatch.setattr(module, name, replacement)

    return take_out


@pytest.fixture
def phone(person: Callable[..., Person], now: datetime) -> Callable[[], Phone]:
    """A phone of another customer each time."""
    return lambda: Phone(person(), now)
