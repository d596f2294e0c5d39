"""A server while a few accounts log in with right passwords again and again."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from time import monotonic, sleep

import pytest

from tests.conftest import Person
from tests.server import Server
from tests.v1.waiting import SETTINGS, SLOW

pytestmark = pytest.mark.system

ACCOUNTS, CONNECTIONS, CUSTOMERS = 3, 24, 20
QUICK = SETTINGS | {"HASH_SECONDS": "0.05"}
AT_ONCE = 3
LONGEST_SECONDS = 2.0
AT_FIRST = 30
"""Log-ins that an account has at once (larder/identity/services/attempts.py)."""
BURST_SECONDS = 60.0
"""In which the accounts use up the log-ins that they have at once."""


def log_in(server: Server, who: Person, address: str) -> int:
    """Log in from an address that a trusted proxy states; return the status."""
    body = {"username": who.customer.username, "password": who.password}
    return server.call("POST", "auth/token", body, headers={"X-Forwarded-For": address}).status


@contextmanager
def logging_in(
    server: Server, people: list[Person], connections: int, statuses: Counter[int]
) -> Iterator[None]:
    """Log in on that many connections from one address, with any answer."""
    over = Event()

    def repeat(number: int) -> None:
        while not over.is_set():
            status = log_in(server, people[number % len(people)], "198.51.100.7")
            statuses[status] += 1
            over.wait(0 if status == 200 else 0.01)

    with ThreadPoolExecutor(connections) as pool:
        running = [pool.submit(repeat, number) for number in range(connections)]
        try:
            until = monotonic() + BURST_SECONDS
            while statuses[200] < len(people) * AT_FIRST and monotonic() < until:
                sleep(0.1)
            yield
        finally:
            over.set()
        for future in running:
            future.result(60)


def served(server: Server, customers: list[Person]) -> float:
    """Return the share of customers, each at a new address, who are logged in within seconds."""

    def is_served(number: int) -> bool:
        began = monotonic()
        status = log_in(server, customers[number], f"203.0.113.{number}")
        return status == 200 and monotonic() - began < LONGEST_SECONDS

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sum(pool.map(is_served, range(len(customers)))) / len(customers)


def test_customers_log_in_while_three_accounts_send_right_passwords_on_24_connections(
    transactional_db: None, person: Callable[..., Person]
) -> None:
    attackers = [person() for _ in range(ACCOUNTS)]
    customers = [person() for _ in range(CUSTOMERS)]
    statuses = Counter[int]()
    with (
        Server(workers=1, application=SLOW, environment=QUICK) as shop,
        logging_in(shop, attackers, CONNECTIONS, statuses),
    ):
        share = served(shop, customers)
    assert share >= 0.9, f"{share:.0%} were served beside {statuses}"
    assert statuses[200] > CUSTOMERS / 2, "and the attack uses what is left"
