"""Fixtures of v1's contract tests."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import pytest

from larder.core.ids import SYSTEM_ACTOR
from larder.front import products
from larder.front.products import Products
from larder.http import authentication
from larder.inventory.services.movements import open_stock
from tests.conftest import Answer, Api, Person, add_products
from tests.front.in_process import OnLoop
from tests.http.conftest import api, application, as_, token_for
from tests.v1.exporting import filled, stream
from tests.v1.stripe_events import FORMER, SECRET, Stripe

__all__ = ["api", "application", "as_", "filled", "stream"]

HOUR = 3600 * 10**9


def stocked(products: int, now: datetime) -> list[int]:
    """Makes products, ten of each in stock, with a few statements. Returns their ids."""
    ids = add_products(products, now=now)
    open_stock(dict.fromkeys(ids, 10), actor=SYSTEM_ACTOR, now=now)
    return ids


@pytest.fixture
def many_products(db: None, now: datetime) -> Sequence[int]:
    """A thousand products."""
    return stocked(1_000, now)


@pytest.fixture
def sessions_known(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ended sessions are read once for the whole test. Otherwise a request may read them
    (larder/http/authentication.py), with one more statement, or go to Django."""
    monkeypatch.setattr(authentication, "SESSIONS_TOO_OLD", 86_400.0)
    authentication.ENDED_SESSIONS.read()


@pytest.fixture
def on_loop(
    transactional_db: None, sessions_known: None, monkeypatch: pytest.MonkeyPatch
) -> OnLoop:
    """The cache of pages, whose entries and sessions do not expire."""
    monkeypatch.setattr(products, "MAX_LAG", HOUR)
    return OnLoop(Products)


@pytest.fixture
def token(person: Callable[..., Person]) -> str:
    return token_for(person())


@pytest.fixture
def owner(person: Callable[..., Person], as_: Callable[[Person], Api]) -> Api:
    """A member of staff with all permissions."""
    return as_(person(is_staff=True, role="owner"))


@pytest.fixture
def order(customer: Api, product: Callable[..., int]) -> Answer:
    """An order of 4 units for 10.00."""
    lines = [{"product": product(price="2.50", stock=9), "quantity": 4}]
    return customer("POST", "orders", {"lines": lines})


@pytest.fixture
def stripe(api: Api, settings: Any) -> Stripe:
    """Stripe, whose secret the shop knows. So do we know that of another provider."""
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET, FORMER]
    settings.SIGNED_PAYMENT_SECRETS = ["another secret"]
    return Stripe(api)


@pytest.fixture
def shelf(transactional_db: None, now: datetime) -> None:
    """Twenty-five products."""
    stocked(25, now)
