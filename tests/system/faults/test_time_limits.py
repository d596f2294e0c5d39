"""The time limits of the server's role: no transaction waits in the database without limit."""

import os
from collections.abc import Callable, Iterator
from time import monotonic

import psycopg
import pytest
from django.db import connection as own
from django.db.utils import InternalError
from psycopg import errors

from larder.catalog.models import Product
from larder.catalog.tables import decoded_table
from larder.db import database
from larder.inventory.services.products import Author, import_products
from larder.ops.roles import TIME_LIMITS, TRANSACTION_LIMIT, time_limits
from tests.conftest import NOW, Api, Person
from tests.db.feeds import transaction
from tests.server import Server
from tests.system.race.books import shelf

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]


LIMITS = TIME_LIMITS | TRANSACTION_LIMIT


@pytest.mark.parametrize("name", LIMITS)
def test_a_connection_of_the_server_has_the_limit(name: str, transactional_db: None) -> None:
    assert database.rows(f"SHOW {name}") == [(LIMITS[name],)]


def test_an_old_postgresql_is_not_given_a_transaction_timeout() -> None:
    assert time_limits(150_012) == time_limits(169_999) == TIME_LIMITS
    assert time_limits(170_000) == LIMITS


@pytest.fixture
def jam(transactional_db: None, product: MakeProduct) -> int:
    return product(stock=5)


@pytest.fixture
def short_transactions(transactional_db: None) -> Iterator[None]:
    """A fifth of a second for each transaction of this test's connection."""
    database.execute("SET transaction_timeout = '200ms'")
    yield
    own.close()


LONG = "sku,name,price\n" + "".join(f"S{n},N,1\n" for n in range(10_000))
"""A file that takes longer than that."""


def test_a_long_transaction_of_short_statements_is_ended(
    short_transactions: None,
) -> None:
    with pytest.raises(InternalError) as ended:
        import_products(decoded_table(LONG.encode()), author=Author(None, NOW), currency="GBP")
    assert isinstance(ended.value.__cause__, errors.TransactionTimeout)
    own.close()
    assert not Product.objects.exists()


def test_a_request_with_a_long_transaction_is_refused_with_retry_after(
    staff: Api, jam: int, short_transactions: None
) -> None:
    with transaction() as stuck:
        stuck.execute("SELECT 1 FROM stock WHERE product_id = %s FOR UPDATE", [jam])
        refused = staff("POST", "orders", {"lines": [{"product": jam, "quantity": 2}]})
        stuck.rollback()
    assert (refused.status, refused.body["code"]) == (503, "overloaded")
    assert shelf(jam).available == 5


def test_an_order_behind_a_stuck_lock_is_refused_with_retry_after(
    server: Server, person: MakePerson, product: MakeProduct
) -> None:
    jam, who = product(stock=5), person()
    token = server.token(who.customer.username, who.password)

    def place() -> tuple[int, str]:
        body = {"lines": [{"product": jam, "quantity": 2}]}
        sent = {"Idempotency-Key": "waiting"}
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


def test_other_products_are_ordered_while_one_is_locked(
    server: Server, person: MakePerson, product: MakeProduct
) -> None:
    jam, tea, who = product(stock=5), product(stock=5), person()
    token = server.token(who.customer.username, who.password)
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as stuck:
        stuck.execute("SELECT 1 FROM stock WHERE product_id = %s FOR UPDATE", [jam])
        began = monotonic()
        body = {"lines": [{"product": tea, "quantity": 1}]}
        assert server.call("POST", "orders", body, token=token).status == 201
        # What waits for the lock is refused after more than that.
        assert monotonic() - began < 4
