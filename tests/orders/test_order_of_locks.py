"""Each use case takes its locks in the order that architecture.md has.

The statements of each use case are recorded on PostgreSQL.
"""

import ast
from pathlib import Path

import pytest

from larder.identity.services import quotas
from larder.identity.services.attempts import Rate
from tests.conftest import Person
from tests.orders.holding import (
    WITH_BOOKS,
    MakePerson,
    MakeProduct,
)
from tests.orders.use_cases import USE_CASES, Shop, UseCase
from tests.recorded_locks import recorded

pytestmark = WITH_BOOKS

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ROOT / "larder" / "orders" / "services"

LOCKS = {
    "turn": r"pg_advisory_xact_lock\(10, 1\)",
    "payment": r"hashtextextended\(%s, 9\)",
    "key": "INSERT INTO idempotency_key",
    "account": 'FROM "customer" .* FOR NO KEY UPDATE',
    "cart": r'INSERT INTO cart|number = nextval|FROM "?cart"?\s.*FOR (NO KEY )?UPDATE',
    "order": 'FROM "order" .*FOR UPDATE',
    "quota": r"INSERT INTO rate_limit AS held|\(8::bigint << 48\)",
    "stock": r"FROM stock\s.*FOR NO KEY UPDATE",
}
"""The kinds of locks, in their order, each with a pattern of the statements that take it."""


@pytest.fixture(autouse=True)
def every_quota_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each quota has room for all use cases."""
    monkeypatch.setattr(quotas, "_limits", dict.fromkeys(quotas.NAMES, Rate(1_000, 3_600)))


@pytest.fixture
def shop(person: MakePerson, product: MakeProduct, clerk: Person) -> Shop:
    """A shop with stock."""
    return Shop(person(), clerk, product(stock=900), product(stock=900))


@pytest.mark.parametrize("use_case", USE_CASES, ids=lambda case: case.__name__)
def test_a_use_case_takes_its_locks_in_the_documented_order(use_case: UseCase, shop: Shop) -> None:
    run = use_case(shop)
    with recorded(LOCKS, SERVICES) as locks:
        run()
    assert [taken for taken in locks.orders if not locks.is_in_order(taken)] == []
    expected = USE_CASES[use_case].split()
    assert expected in locks.orders, locks.orders


def test_every_transaction_of_orders_is_recorded(shop: Shop) -> None:
    openers: set[str] = set()
    for use_case in USE_CASES:
        run = use_case(shop)
        with recorded(LOCKS, SERVICES) as locks:
            run()
        openers |= locks.openers
    assert transactions_of_orders() <= openers


def transactions_of_orders() -> set[str]:
    """Returns the functions of the services that open a transaction, by their source."""
    openers = set()
    for path in SERVICES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and any(map(opens, ast.walk(node))):
                openers.add(f"{path.relative_to(SERVICES)}: {node.name}")
    return openers


def opens(node: ast.AST) -> bool:
    """Returns whether this is a `with` that begins a transaction."""
    items = node.items if isinstance(node, ast.With) else []
    return any(
        isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"transaction.atomic", "moving_stock"}
        for item in items
        for node in ast.walk(item.context_expr)
    )
