"""Files of many orders, and how they are read, for the tests of exports."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import cast

import psycopg
import pytest
from django.http import StreamingHttpResponse
from django.test import Client

from larder.db import database
from tests.conftest import Person
from tests.http.conftest import token_for
from tests.server import Server
from tests.system.faults.processes import workers

Product = Callable[..., int]
MakePerson = Callable[..., Person]
Stream = Callable[[Person], Iterator[bytes]]


@pytest.fixture
def filled(person: MakePerson, product: Product, now: datetime) -> Callable[[int], Person]:
    """A customer with so many orders of the same time, with one line each."""

    def fill(count: int) -> Person:
        who = person()
        database.execute(_ORDERS, [now, who.id, count, product()])
        return who

    return fill


_ORDERS = """
WITH moment (at) AS (SELECT %s::timestamptz), made AS (
    INSERT INTO "order" (id, customer_id, status, currency, total, note, reference, created_at,
                         placed_at, updated_at, version)
    SELECT gen_random_uuid(), %s, 'delivered', 'GBP', 2, repeat('x', 200), '', at, at, at, 1
    FROM moment CROSS JOIN generate_series(1, %s)
    RETURNING id, placed_at
)
INSERT INTO order_line (order_id, product_id, sku, name, unit_price, quantity, placed_at)
SELECT id, %s, 'J', 'Jam', 2, 1, placed_at FROM made
"""


def ask(who: Person, query: str = "", key: str | None = None) -> StreamingHttpResponse:
    """Returns the answer unread. While it is open it uses one of few places."""
    headers = {"Authorization": f"Bearer {key or token_for(who)}"}
    client = Client(raise_request_exception=False)
    return cast(StreamingHttpResponse, client.get(f"/api/v1/orders.csv{query}", headers=headers))


@pytest.fixture
def stream() -> Iterator[Stream]:
    """Yields the parts of the file."""
    with ExitStack() as files:

        def read(who: Person) -> Iterator[bytes]:
            file = files.enter_context(closing(ask(who)))
            return iter(cast(Iterator[bytes], file.streaming_content))

        yield read


@contextmanager
def orders_away() -> Iterator[None]:
    """Renames the table of orders during the block."""
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as owner:
        owner.execute('ALTER TABLE orders."order" RENAME TO away')
        try:
            yield
        finally:
            owner.execute('ALTER TABLE orders.away RENAME TO "order"')


def peak(server: Server) -> int:
    """The most memory that any worker had at once, in bytes."""
    reported = [Path(f"/proc/{pid}/status").read_text() for pid in workers(server)]
    return max(int(text.partition("VmHWM:")[2].split()[0]) * 1024 for text in reported)
