"""The first orders of a new shop are as fast as later ones, whatever the planner knows of the
tables. PostgreSQL keeps the plan of a statement, and of a foreign key's check, until the statistics
of its tables change. A plan that was made for empty tables would read a whole table for each
inserted row, for a minute or until autovacuum runs.
"""

import os
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count

import psycopg
import pytest

from larder.core.ids import new_id
from larder.db import database
from larder.orders.decision import RequestedLine
from larder.orders.services.batches import place_order
from larder.orders.services.placing.placement import Placement, Terms
from tests.conftest import Person

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]

GBP = Terms(currency="GBP")
ORDERS, LINES = 150, 3
READ_A_TABLE_AN_ORDER = 20
"""Rows of a table that placing an order may read by walking the table: a few products, not the
orders before it."""
OWN = ("order", "order_line", "order_event", "ledger_entry", "idempotency_key")

_READ = """
SELECT relname, coalesce(seq_tup_read, 0) FROM pg_stat_user_tables
WHERE relname = ANY(%s::text[])
"""


@pytest.fixture(params=["never analyzed", "analyzed while empty"])
def known(request: pytest.FixtureRequest, transactional_db: None) -> str:
    """What the planner knows of the tables: nothing, or that they have no rows."""
    if request.param == "analyzed while empty":
        with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as owner:
            for table in OWN:
                owner.execute(f'ANALYZE "{table}"')
    return str(request.param)


@pytest.fixture
def place(
    known: str, person: MakePerson, product: MakeProduct, now: datetime
) -> Iterator[Callable[[], None]]:
    """Places an order of LINES products with a key and a separate id, over a connection that
    was opened when there were no orders."""
    who, numbers = person(), count()
    products = [product(stock=1_000_000) for _ in range(LINES)]
    database.release()

    def order() -> None:
        asked = Placement(
            customer=who.id,
            actor=who.customer.public_id,
            lines=[RequestedLine(id, 1) for id in products],
            order_id=new_id(),
            key=f"first-{next(numbers)}",
            operation="POST /api/v1/orders",
        )
        place_order(asked, terms=GBP, now=now)

    yield order
    database.release()


def read_by_walking() -> dict[str, int]:
    """Returns the rows of each table that sequential scans have read so far."""
    database.rows("SELECT pg_stat_force_next_flush()")
    return dict(database.rows(_READ, [list(OWN)]))


def test_the_row_count_read_by_an_order_does_not_grow(place: Callable[[], None]) -> None:
    place()
    before = read_by_walking()
    for _ in range(ORDERS):
        place()
    grown = {table: read - before[table] for table, read in read_by_walking().items()}
    assert set(grown) == set(OWN)
    assert max(grown.values()) <= READ_A_TABLE_AN_ORDER * ORDERS, grown
