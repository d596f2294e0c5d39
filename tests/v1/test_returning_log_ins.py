"""A server while passwords are guessed from many networks."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Event
from time import monotonic, sleep

import pytest

from tests.conftest import Person
from tests.server import Reply, Server
from tests.v1.waiting import SETTINGS, SLOW

pytestmark = pytest.mark.system

GUESSERS = 24
CUSTOMERS = 15
LONGEST_SECONDS = 2.0
_numbers = count(1)


@dataclass
class Rush:
    """The answers to the guesses."""

    statuses: Counter[int] = field(default_factory=Counter)
    waits: Counter[int] = field(default_factory=Counter)


def post(server: Server, path: str, body: dict[str, str]) -> Reply:
    """Returns the header of a trusted proxy with another IPv6 /48 each time."""
    number = next(_numbers)
    address = f"2a00:{number >> 16:x}:{number & 0xFFFF:x}::1"
    return server.call("POST", path, body, headers={"X-Forwarded-For": address})


@contextmanager
def guessing(server: Server, rush: Rush) -> Iterator[None]:
    """Runs GUESSERS connections that guess passwords of unknown names, with any answer."""
    over = Event()

    def guess(_: int) -> None:
        while not over.is_set():
            name = f"nobody {next(_numbers)}"
            answer = post(server, "auth/token", {"username": name, "password": "x"})
            rush.statuses[answer.status] += 1
            if answer.status == 503:
                rush.waits[int(answer.headers["retry-after"])] += 1

    with ThreadPoolExecutor(GUESSERS) as pool:
        guesses = [pool.submit(guess, number) for number in range(GUESSERS)]
        try:
            sleep(1)
            yield
        finally:
            over.set()
        for one in guesses:
            one.result(60)


def come_back(server: Server, who: Person, refresh: str) -> list[tuple[int, bool]]:
    """Logs in with the former refresh token, and refreshes; returns the statuses and whether they
    were in time.
    """
    credentials = {"username": who.customer.username, "password": who.password}
    found = []
    for path, body in (
        ("auth/token", credentials | {"refresh": refresh}),
        ("auth/token/refresh", {"refresh": refresh}),
    ):
        began = monotonic()
        status = post(server, path, body).status
        found.append((status, monotonic() - began < LONGEST_SECONDS))
    return found


@pytest.mark.slow
def test_returning_customers_log_in_during_guesses_from_many_networks(
    transactional_db: None, person: Callable[..., Person]
) -> None:
    people, rush = [person() for _ in range(CUSTOMERS)], Rush()
    with Server(workers=2, application=SLOW, environment=SETTINGS) as server:
        credentials = [{"username": p.customer.username, "password": p.password} for p in people]
        pairs = [post(server, "auth/token", one).body for one in credentials]
        with guessing(server, rush):
            strangers = [post(server, "auth/token", one).status for one in credentials]
            with ThreadPoolExecutor(3) as pool:
                returned = list(
                    pool.map(
                        lambda n: come_back(server, people[n], pairs[n]["refresh"]),
                        range(CUSTOMERS),
                    )
                )
    answers = Counter(one for answers in returned for one in answers)
    assert answers == {(200, True): 2 * CUSTOMERS}
    assert strangers.count(503) > CUSTOMERS / 2, "else the rush was none"
    assert max(rush.waits) > 5, "Retry-After grows"
    assert len(rush.waits) > 3, "and varies"
