"""All connections of a process are in use while PostgreSQL is well: the answer is `overloaded`."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from time import sleep

import psycopg

from tests.conftest import Person
from tests.load import repeated
from tests.server import Server

POOL, PEOPLE = 2, 24
LOCKED_SECONDS = 0.5
SECONDS = 6.0


@contextmanager
def slow_reads() -> Iterator[None]:
    """Two sessions lock the table of products in turn, so that a read of it takes half a second."""
    over = Event()

    def lock() -> None:
        with psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as owner:
            while not over.is_set():
                owner.execute("LOCK TABLE catalog.product")
                sleep(LOCKED_SECONDS)
                owner.rollback()

    with ThreadPoolExecutor(2) as threads:
        locking = [threads.submit(lock) for _ in range(2)]
        try:
            yield
        finally:
            over.set()
        for future in locking:
            future.result()


def test_a_full_pool_is_not_reported_as_an_unavailable_database(
    transactional_db: None, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    jam = product()
    people = [person() for _ in range(PEOPLE)]
    with Server(workers=1, environment={"DB_POOL_SIZE": str(POOL)}) as server:
        tokens = [server.token(person.customer.username, person.password) for person in people]
        codes = Counter[str]()

        def read(token: str) -> int:
            reply = server.call("GET", f"products/{jam}", token=token)
            codes[reply.code] += 1
            return reply.status

        calls = [lambda token=token: read(token) for token in tokens]
        with slow_reads(), repeated(calls, pause=0.05) as statuses:
            sleep(SECONDS)
        assert set(statuses) == {200, 503}
        assert set(codes) == {"200", "overloaded"}
