"""Orders and drafts are locked by the functions of one module."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from larder.orders.sql import writes
from tests.architecture.sources import ROOT, nodes

LOCK = re.compile(r"FOR (NO KEY )?UPDATE|FOR (KEY )?SHARE|select_for_update", re.IGNORECASE)


def _texts(path: Path) -> Iterator[str]:
    """Yields what may lock an order: every file of `orders` as a whole, since it locks no other
    table, and elsewhere each SQL text that names the table."""
    text = path.read_text()
    if path.is_relative_to(ROOT / "larder" / "orders"):
        yield text
    for node in nodes(path):
        if isinstance(node, ast.Constant) and '"order"' in str(node.value):
            yield str(node.value)


def test_one_module_locks_orders() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "larder").rglob("*.py")
        if any(map(LOCK.search, _texts(path)))
    }
    assert found == {"larder/orders/services/locks.py", "larder/orders/sql/writes.py"}


def test_the_statement_that_locks_orders_is_used_by_that_module() -> None:
    assert writes.LOCK_FREE.startswith(writes.LOCK)
    others = {name for name, text in vars(writes).items() if LOCK.search(str(text))}
    assert others == {"LOCK", "LOCK_FREE"}
    users = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "larder" / "orders").rglob("*.py")
        if re.search(r"\bwrites\.LOCK(_FREE)?\b", path.read_text())
    }
    assert users == {"larder/orders/services/locks.py"}
