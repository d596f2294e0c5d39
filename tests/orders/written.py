"""Reads what a statement writes to orders, lines and events, held lines and the audit trail."""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import Model

from larder.identity.models import AuditEntry
from larder.inventory.models import HeldLine
from larder.orders.models import Order, OrderEvent, OrderLine

KEYS: tuple[Any, ...] = (
    *((Order, "number"), (OrderEvent, "position"), (OrderLine, "id"), (AuditEntry, "id")),
    (HeldLine, "order", "product"),
)

Rows = dict[str, list[dict[str, Any]]]


def written(run: Callable[[], object]) -> Rows:
    """Every column that `run` writes, in the order the rows were made; then it is rolled back."""
    with transaction.atomic():
        run()
        read: Rows = {}
        for model, *order in KEYS:
            rows = model._default_manager.order_by(*order).values()
            read[model.__name__] = [_plain(dict(row), model) for row in rows]
        transaction.set_rollback(True)
    return read


def _plain(row: dict[str, Any], model: type[Model]) -> dict[str, Any]:
    """Without what the database gave; the id of a line or an entry is one of its numbers."""
    has_number = model in {OrderLine, HeldLine, AuditEntry}
    without = {"number", "position", "transaction_id"} | ({"id"} if has_number else set())
    without |= {"at"} if model is AuditEntry else set()
    return {
        name: bytes(value) if isinstance(value, memoryview) else value
        for name, value in row.items()
        if name not in without
    }
