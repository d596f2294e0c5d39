"""The records of payments, and the refunds that are due."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from larder.core.parts import Part, first
from larder.db import database
from larder.orders.models import Payment, RefundDue
from larder.orders.payment_state import Record
from larder.orders.sql import payments as payments_sql


def payments(order: UUID, *, after: int, limit: int) -> Part[Record]:
    """Returns up to `limit` records of the id of an order, oldest first, after a record."""
    rows = database.rows(payments_sql.RECORDS, [order, order, after, limit + 1])
    return first([Record(*row) for row in rows], limit)


def payment(id: int) -> Record:
    """Returns a record. Assumes that it exists: records are never deleted."""
    return Record(*Payment.objects.values_list(*Record.__slots__).get(id=id))


def refunds_due(*, after: tuple[datetime, int] | None, limit: int) -> Part[Any]:
    """Returns up to `limit` refunds that are due, the oldest first, after the last one of a page:
    `id`, `order` (or an id that was abandoned), `amount`, `currency` and `since`."""
    columns = ("id", "order", "amount", "currency", "since")
    rows = RefundDue.objects.order_by("since", "id").values_list(*columns, named=True)
    if after is not None:
        since, id = after
        rows = rows.filter(Q(since__gt=since) | Q(id__gt=id), since__gte=since)
    return first(list(rows[: limit + 1]), limit)
