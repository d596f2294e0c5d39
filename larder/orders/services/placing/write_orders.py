"""Writes accepted orders, for a batch of any size: stock and ledger in one statement; orders, lines
and events in another."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from larder.db import database
from larder.identity.services import audit
from larder.identity.services.quotas import Remaining
from larder.inventory.services import holds
from larder.inventory.services import movements as inventory
from larder.orders.lifecycle import DRAFT
from larder.orders.models import OrderStatus
from larder.orders.queries import LineView, OrderView
from larder.orders.services import cart
from larder.orders.services.locks import order_name
from larder.orders.services.placing.placement import Accepted, Placed, Written
from larder.orders.sql import writes


def move_stock(
    accepted: Sequence[Accepted], balances: Mapping[int, inventory.Balance], *, now: datetime
) -> None:
    """Takes the units of these orders from the locked stock, and writes them in the ledger."""
    moves = [
        inventory.Movement(
            line.offer.id,
            -line.quantity,
            line.quantity,
            "order" if order.expires_at is None else "hold",
            str(order.order.event),
            order.order.placement.actor,
        )
        for order in accepted
        for line in order.lines
    ]
    held = [
        holds.HeldUnits(order.id, line.offer.id, order.order.event, line.quantity, order.expires_at)
        for order in accepted
        if order.expires_at is not None
        for line in order.lines
    ]
    inventory.move(moves, balances, now=now, held=held)


def write_orders(accepted: Sequence[Accepted], *, currency: str, now: datetime) -> list[Written]:
    """Writes orders, lines and events in one statement, and ends the carts that were placed."""
    if not accepted:
        return []
    rows = [_row(order, now) for order in accepted]
    lines = [
        {
            "order": order.id,
            "product": line.offer.id,
            "quantity": line.quantity,
            "sku": line.offer.sku,
            "name": line.offer.name,
            "unit_price": line.unit_price,
            "tax_rate": line.offer.tax_rate,
            "id": id,
        }
        for order in accepted
        for id, line in zip(_ids_of_lines(order), order.lines, strict=True)
    ]
    parameters = [currency, now, *(msgspec.json.encode(each).decode() for each in (rows, lines))]
    ((ids, numbers, line_ids),) = database.rows(writes.INSERT, parameters)
    for order in accepted:
        if (acting := order.order.placement.acting) is not None:
            audit.record_all([_entry(order)], by=acting)
    if carts := [order.order.placement.customer for order in accepted if order.order.cart]:
        cart.end(carts)
    number_of, had = dict(zip(ids, numbers, strict=True)), {line["id"] for line in lines}
    new_ids = (id for id in line_ids if id not in had)
    return [
        Written(
            order,
            row | {"number": number_of[order.id]},
            [next(new_ids) if id is None else id for id in _ids_of_lines(order)],
        )
        for order, row in zip(accepted, rows, strict=True)
    ]


def _ids_of_lines(accepted: Accepted) -> Sequence[int | None]:
    """Returns the ids that the lines of a cart have; None for new lines."""
    row = accepted.order.cart
    return [None] * len(accepted.lines) if row is None else [line.id for line in row.lines]


def _row(accepted: Accepted, now: datetime) -> dict[str, Any]:
    order, placement = accepted.order, accepted.order.placement
    is_placed, former = accepted.expires_at is None, order.cart
    return {
        "id": accepted.id,
        "customer": placement.customer,
        "status": OrderStatus.PLACED if is_placed else OrderStatus.PENDING,
        "total": accepted.total,
        "units": sum(line.quantity for line in accepted.lines),
        "note": placement.note,
        "reference": placement.reference,
        "ship_to": placement.ship_to,
        "requested_for": placement.requested_for,
        "expires_at": accepted.expires_at,
        "event": order.event,
        "type": "placed" if is_placed else "held",
        "actor": placement.actor,
        "version": 1 if former is None else former.version + 1,
        "from_status": "" if former is None else DRAFT,
        "number": former and former.number,
        "created_at": (former and former.created_at) or now,
        "placed_at": now,
    }


def _entry(accepted: Accepted) -> audit.Entry:
    """Returns the entry of an order that staff place for a customer."""
    quantities = {str(line.offer.id): line.quantity for line in accepted.lines}
    customer = accepted.order.placement.customer
    after = {"customer": customer, "total": accepted.total, "quantities": quantities}
    return audit.Entry(order_name(accepted.id), "place", after=after)


def placed(written: Written, currency: str, remaining: Remaining | None) -> Placed:
    """Returns the answer to an order. Called after the commit: in the transaction, it would hold
    the locks of stock a tenth longer."""
    columns, at = {name: written.row[name] for name in _SHOWN}, written.row["placed_at"]
    lines = [
        LineView(
            id,
            line.offer.id,
            line.offer.sku,
            line.offer.name,
            line.quantity,
            line.unit_price,
            tax_rate=line.offer.tax_rate,
        )
        for id, line in zip(written.line_ids, written.accepted.lines, strict=True)
    ]
    view = OrderView(**columns, updated_at=at, currency=currency, lines=lines)
    return Placed(view, replayed=False, remaining=remaining)


_SHOWN = (
    *("id", "number", "customer", "status", "total", "note", "reference", "ship_to"),
    *("requested_for", "created_at", "placed_at", "version", "expires_at"),
)
"""What the answer to an order shows of its row."""
