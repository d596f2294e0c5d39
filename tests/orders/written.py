"""Reads what a statement writes to orders, lines and events."""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import Model

from larder.orders.models import Order, OrderEvent, OrderLine

Rows = dict[str, list[dict[str, Any]]]


def written(run: Callable[[], object]) -> Rows:
    """Every column that `run` writes, in the order the rows were made; then it is rolled back."""
    with transaction.atomic():
        run()
        read: Rows = {}
        for model, order in ((Order, "number"), (OrderLine, "id"), (OrderEvent, "position")):
            rows = model._default_manager.order_by(order).values()
            read[model.__name__] = [_plain(dict(row), model) for row in rows]
        transaction.set_rollback(True)
    return read


def _plain(row: dict[str, Any], model: type[Model]) -> dict[str, Any]:
    """Without what the database gave; the id of a line is one of its numbers."""
    without = {"number", "position", "transaction_id"} | ({"id"} if model is OrderLine else set())
    return {
        name: bytes(value) if isinstance(value, memoryview) else value
        for name, value in row.items()
        if name not in without
    }
