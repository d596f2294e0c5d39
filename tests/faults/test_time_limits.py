"""The time limits of the server's role: nothing waits in the database for ever."""

import os
from collections.abc import Callable
from time import monotonic, sleep

import psycopg
import pytest
from psycopg import errors

from larder.common import database
from larder.ops.roles import TIME_LIMITS
from tests.conftest import Person
from tests.race.books import shelf
from tests.server import Server

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]


@pytest.mark.parametrize("name", TIME_LIMITS)
def test_a_connection_of_the_server_has_the_limit(name: str, db: None) -> None:
    assert database.rows(f"SHOW {name}") == [(TIME_LIMITS[name],)]


def test_an_order_behind_a_stuck_lock_is_told_to_come_back_and_leaves_nothing(
    server: Server, person: MakePerson, product: MakeProduct
) -> None:
    jam, who = product(stock=5), person()
    token = server.token(who.customer.username, who.password)

    def place() -> tuple[int, str]:
        body = {"lines": [{"product": jam, "quantity": 2}]}
        sent = {"Idempotency-Key": "patience"}
        reply = server.call("POST", "orders", body, token=token, headers=sent)
        return reply.status, reply.body.get("code", reply.headers.get("retry-after"))

    with psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as stuck:
        stuck.execute("SELECT 1 FROM stock WHERE product_id = %s FOR UPDATE", [jam])
        began = monotonic()
        assert place() == (503, "overloaded")
        assert 4 < monotonic() - began < 8
        assert (shelf(jam).available, shelf(jam).sold) == (5, 0)
        assert database.rows("SELECT * FROM idempotency_key") == []
        assert database.rows('SELECT * FROM "order"') == []
    assert place()[0] == 201
    assert (shelf(jam).available, shelf(jam).sold) == (3, 2)


def test_other_products_are_sold_while_one_is_stuck(
    server: Server, person: MakePerson, product: MakeProduct
) -> None:
    jam, tea, who = product(stock=5), product(stock=5), person()
    token = server.token(who.customer.username, who.password)
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as stuck:
        stuck.execute("SELECT 1 FROM stock WHERE product_id = %s FOR UPDATE", [jam])
        began = monotonic()
        body = {"lines": [{"product": tea, "quantity": 1}]}
        assert server.call("POST", "orders", body, token=token).status == 201
        assert monotonic() - began < 2


@pytest.mark.slow
def test_a_statement_that_runs_too_long_is_ended(db: None) -> None:
    with (
        psycopg.connect(os.environ["DATABASE_URL"]) as connection,
        pytest.raises(errors.QueryCanceled),
    ):
        connection.execute("SELECT pg_sleep(30)")


@pytest.mark.slow
def test_a_transaction_that_does_nothing_loses_its_connection(db: None) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        connection.execute("SELECT 1")
        sleep(12)
        with pytest.raises(errors.IdleInTransactionSessionTimeout):
            connection.execute("SELECT 1")
