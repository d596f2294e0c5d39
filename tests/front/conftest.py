"""Fixtures of v1's contract tests, and a customer who orders."""

from collections.abc import Callable

import pytest

from larder.front.orders import orders
from larder.http.shop import terms
from larder.orders.services import batches
from tests.conftest import Person
from tests.front.in_process import STOCK, OnLoop, Ordering
from tests.http.conftest import api, application, as_, token_for
from tests.v1.conftest import (
    many_products,
    on_loop,
    sessions_known,
    shelf,
)

__all__ = [
    "api",
    "application",
    "as_",
    "many_products",
    "on_loop",
    "sessions_known",
    "shelf",
]


@pytest.fixture
def who(transactional_db: None, person: Callable[..., Person]) -> Person:
    return person()


@pytest.fixture
def token(who: Person) -> str:
    return token_for(who)


@pytest.fixture
def jam(transactional_db: None, product: Callable[..., int]) -> int:
    return product(stock=STOCK, price="2.50")


@pytest.fixture
def orders_on_loop(transactional_db: None, sessions_known: None) -> OnLoop:
    # Batches run in a thread, as in a server: no statement runs on the event loop.
    batches.start(terms())
    return OnLoop(orders)


@pytest.fixture
def ordering(orders_on_loop: OnLoop, token: str, jam: int) -> Ordering:
    """Orders of a customer whose first order went through Django, as every first order does."""
    ordering = Ordering(orders_on_loop, token, jam)
    assert ordering()[0] == "201 Created"
    assert orders_on_loop.reached == 1
    return ordering
