"""Fixtures of v1's contract tests."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from larder.catalog.services import NewProduct, create_products
from larder.core.ids import SYSTEM_ACTOR
from larder.fastpath.response_cache import KeptAnswers
from larder.http import authentication
from larder.http.recent_writes import recent_writes
from larder.inventory.services.movements import open_stock
from larder.v1 import freshness, products, ready_pages
from tests.conftest import Person
from tests.fastpath.door import Door
from tests.http.conftest import api, application, as_, token_for  # noqa: F401 - fixtures

HOUR = 3600 * 10**9


@pytest.fixture
def many_products(db: None, now: datetime) -> Sequence[int]:
    """A thousand products, ten of each in stock."""
    new = [NewProduct(f"M-{n:04}", f"Product {n}", Decimal("1.25")) for n in range(1_000)]
    made = create_products(new, now=now)
    open_stock(dict.fromkeys(made.values(), 10), actor=SYSTEM_ACTOR, now=now)
    return list(made.values())


@pytest.fixture
def processes_share(
    transactional_db: None, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """As `make run` starts the server: its processes know who wrote."""
    settings.SHARED_DIR = str(tmp_path)
    monkeypatch.setattr(products, "_pages", ready_pages.ReadyPages())
    recent_writes.cache_clear()
    yield
    recent_writes.cache_clear()


@pytest.fixture
def sessions_known(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which sessions have ended is known for the whole test. Otherwise a request reads it every ten
    seconds (larder/http/authentication.py), and costs a statement more, or goes to Django."""
    for name in ("SESSIONS_LOOKED_AT_EVERY", "SESSIONS_TOO_OLD"):
        monkeypatch.setattr(authentication, name, 86_400.0)
    authentication._sessions.present()


@pytest.fixture
def door(processes_share: None, sessions_known: None, monkeypatch: pytest.MonkeyPatch) -> Door:
    """The server's application; nothing that is kept or known grows old."""
    monkeypatch.setattr(freshness, "LONGEST_LAG", HOUR)
    return Door(KeptAnswers)


@pytest.fixture
def token(person: Callable[..., Person]) -> str:
    return token_for(person())


@pytest.fixture
def shelf(transactional_db: None, product: Callable[..., int]) -> None:
    for _ in range(25):
        product()
