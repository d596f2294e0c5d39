"""Requests that change products, stock and accounts take their locks in one order.

docs/explain/architecture.md has it. Their statements are recorded on PostgreSQL.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from larder.identity.services import quotas
from larder.identity.services.attempts import Rate
from larder.inventory.services.products import Author, change_stocked_product
from tests.conftest import Api, Person
from tests.orders.holding import WITH_BOOKS
from tests.recorded_locks import recorded
from tests.staff.desk import Desk

pytestmark = WITH_BOOKS

LARDER = Path(__file__).resolve().parents[2] / "larder"

LOCKS = {
    "key": "INSERT INTO idempotency_key",
    "account": 'FROM "customer" .* FOR NO KEY UPDATE',
    "rights": r"pg_advisory_xact_lock\(6, 1\)",
    "quota": r"INSERT INTO rate_limit AS held|\(8::bigint << 48\)",
    "file": r"pg_advisory_xact_lock\(7, 1\)",
    "new category": r"pg_advisory_xact_lock\(7, 2\)",
    "category": r'FROM "?category.*FOR (NO KEY |KEY )?(UPDATE|SHARE)',
    "product": r'FROM "?product.*FOR NO KEY UPDATE',
    "name": r"hashtextextended\(%s, 7\)",
    "stock": r"FROM stock\s.*FOR NO KEY UPDATE",
}
"""The kinds of locks, in their order, each with a pattern of the statements that take it."""

KEY = {"Idempotency_Key": "k"}
ADDRESS = {"name": "Ada", "line1": "1 High Street", "city": "York", "country": "GB"}
JAM = {"sku": "JAM", "name": "Jam", "price": "1"}


@dataclass(frozen=True)
class Callers:
    """The clients that send the requests. The shop has the product JAM and the category Food."""

    staff: Api
    customer: Api
    password: str
    desk: Desk
    jam: int
    clerk: int
    food: int


Request = Callable[[Callers], Any]

REQUESTS: dict[str, tuple[str, Request]] = {
    "create a product": (
        "key stock",
        lambda by: by.staff("POST", "products", JAM | {"sku": "TEA"}, **KEY),
    ),
    "change a product": (
        "product",
        lambda by: by.staff("PATCH", f"products/{by.jam}", {"name": "Jelly"}),
    ),
    "replace a product": (
        "product",
        lambda by: by.staff("PUT", "products/by-sku/JAM", {"name": "Jelly", "price": "2"}),
    ),
    "archive a product": ("product", lambda by: by.staff("DELETE", f"products/{by.jam}")),
    "import products": (
        "key file category product stock",
        lambda by: by.staff(
            "POST",
            "products/import",
            "sku,unit,category\nJAM,kg,\n",
            content_type="text/csv",
            **KEY,
        ),
    ),
    "create a category": (
        "key new category",
        lambda by: by.staff("POST", "categories", {"name": "Spreads"}, **KEY),
    ),
    "move a category": (
        "category",
        lambda by: by.staff("PATCH", f"categories/{by.food}", {"name": "Sweets"}),
    ),
    "delete a category": ("category", lambda by: by.staff("DELETE", f"categories/{by.food}")),
    "adjust stock": (
        "key stock",
        lambda by: by.staff(
            "POST",
            "stock/adjustments",
            {"reason": "received", "lines": [{"product": by.jam, "delta": 2}]},
            **KEY,
        ),
    ),
    "scan a product": (
        "key account",
        lambda by: by.desk.save("inventory/adjustment/count/", code="JAM", units="3", what="add"),
    ),
    "book a count": (
        "account stock",
        lambda by: by.desk.save(
            "inventory/adjustment/differences/", **{f"line-{by.jam}-checked": "on"}
        ),
    ),
    "add an address": (
        "key account quota",
        lambda by: by.customer("POST", "me/addresses", ADDRESS, **KEY),
    ),
    "create an API key": (
        "key account quota",
        lambda by: by.customer("POST", "auth/keys", {"name": "Till"}, **KEY),
    ),
    "change a name": ("account", lambda by: by.customer("PATCH", "me", {"first_name": "Ada"})),
    "change a password": (
        "account",
        lambda by: by.customer(
            "POST",
            "auth/password/change",
            {"current_password": by.password, "new_password": "a rather long sentence"},
        ),
    ),
}
"""Requests, each with the locks of one of its transactions."""


@pytest.fixture
def callers(
    transactional_db: None,
    person: Callable[..., Person],
    as_: Callable[[Person], Api],
    product: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
) -> Callers:
    monkeypatch.setattr(quotas, "_limits", dict.fromkeys(quotas.NAMES, Rate(1_000, 3_600)))
    who, clerk = person(), person(is_staff=True, is_superuser=True)
    staff, jam = as_(clerk), product(**JAM)
    food = staff("POST", "categories", {"name": "Food"}).body["id"]
    return Callers(staff, as_(who), who.password, Desk(clerk), jam, clerk.id, food)


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_takes_its_locks_in_the_documented_order(name: str, callers: Callers) -> None:
    expected, send = REQUESTS[name]
    if name == "book a count":
        REQUESTS["scan a product"][1](callers)
    with recorded(LOCKS, LARDER) as locks:
        assert send(callers).status < 400
    assert [taken for taken in locks.orders if not locks.is_in_order(taken)] == []
    assert expected in [" ".join(taken) for taken in locks.orders], locks.orders


def test_a_product_its_name_and_its_stock_are_locked_in_the_documented_order(
    callers: Callers,
) -> None:
    author = Author(None, datetime.now(UTC))
    with recorded(LOCKS, LARDER) as locks:
        change_stocked_product(
            callers.jam, {"name": "Jelly"}, quantity=7, author=author, unique_name=True
        )
    assert locks.orders == [["product", "name", "stock"]]
