"""A server that is replaced under load answers every order that it placed."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from larder.db import database
from tests.conftest import Person
from tests.server import Server
from tests.system.faults.load import Load
from tests.system.faults.processes import stop
from tests.system.race.books import assert_agree, shelf

STOCK = 100_000
CUSTOMERS = 8


@pytest.fixture
def stack(transactional_db: None) -> Iterator[ExitStack]:
    """Servers that the test starts; what is left of them is ended."""
    with ExitStack() as servers:
        yield servers


def assert_kept(load: Load) -> None:
    """The tables have exactly the acknowledged orders, once each."""
    placed = [str(row[0]) for row in database.rows('SELECT id FROM "order"')]
    assert sorted(placed) == sorted(load.acknowledged.values())
    assert_agree([load.product])
    assert shelf(load.product).available == STOCK - len(load.acknowledged)


def test_a_stopping_server_answers_every_order_that_it_placed(
    stack: ExitStack, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    who, jam, first = person(), product(stock=STOCK), stack.enter_context(Server())
    load = Load(first, first.token(who.customer.username, who.password), jam)
    with load.running(CUSTOMERS):
        for _ in range(3):
            load.wait_for(40)
            stop(load.server)
            load.server = stack.enter_context(Server())
        load.wait_for(40)
    assert load.repeated > 0
    # No order needed a repeat: its answer came before the server went.
    assert load.replayed == 0
    assert_kept(load)
