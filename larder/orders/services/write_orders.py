"""Writes decided orders: orders, lines and events in one statement, whatever the group's size."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.backends.postgresql.psycopg_any import Jsonb

from larder.common import database
from larder.orders import sql
from larder.orders.models import OrderStatus
from larder.orders.queries import LineView, OrderView
from larder.orders.services.placement import Candidate, Placed


def write_placed(placed: Sequence[Candidate], *, currency: str, now: datetime) -> None:
    """Writes the orders and answers their candidates."""
    if not placed:
        return
    lines = [
        (
            one.id,
            line.offer.id,
            line.offer.sku,
            line.offer.name,
            line.unit_price,
            line.quantity,
        )
        for one in placed
        for line in one.lines
    ]
    events = [(one.event, one.id, one.asked.actor) for one in placed]
    head = [currency, now, now, now, *database.columns(_order_row(one) for one in placed)]
    rows = database.rows(
        sql.INSERT, [*head, *database.columns(lines), now, *database.columns(events)]
    )
    numbers: dict[UUID, int] = dict(rows)
    for one in placed:
        one.answer = Placed(_view(one, numbers[one.id], currency, now), replayed=False)


def _order_row(one: Candidate) -> tuple[object, ...]:
    asked = one.asked
    ship_to = None if asked.ship_to is None else Jsonb(asked.ship_to)
    details = (asked.note, asked.reference, ship_to, asked.requested_for)
    return (
        *(one.id, asked.customer, one.total),
        *details,
        *(one.lines_fingerprint, one.rest_fingerprint),
    )


def _view(one: Candidate, number: int, currency: str, now: datetime) -> OrderView:
    asked = one.asked
    return OrderView(
        id=one.id,
        number=number,
        customer=asked.customer,
        status=OrderStatus.PLACED,
        currency=currency,
        total=one.total,
        note=asked.note,
        reference=asked.reference,
        ship_to=asked.ship_to,
        requested_for=asked.requested_for,
        placed_at=now,
        updated_at=now,
        version=1,
        lines=[
            LineView(
                line.offer.id,
                line.offer.sku,
                line.offer.name,
                line.quantity,
                line.unit_price,
            )
            for line in one.lines
        ],
    )
