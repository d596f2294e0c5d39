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
from larder.orders.services.locks import order_name
from larder.orders.services.placing.placement import Accepted, Placed, Written
from larder.orders.sql import writes


def write_orders(accepted: Sequence[Accepted], *, currency: str, now: datetime) -> list[Written]:
    """Writes the orders. `placed` then returns their answers."""
    written = _insert(accepted, currency, now) if accepted else []
    for one in accepted:
        if one.order.placement.acting is not None:
            audit.record_all([_entry(one)], by=one.order.placement.acting)
    return written


def move_stock(
    accepted: Sequence[Accepted], balances: Mapping[int, inventory.Balance], *, now: datetime
) -> None:
    """Takes the units of these orders from the locked stock, and writes them in the ledger."""
    moves = [
        inventory.Movement(
            line.offer.id,
            -line.quantity,
            line.quantity,
            "order" if one.expires_at is None else "hold",
            str(one.order.event),
            one.order.placement.actor,
        )
        for one in accepted
        for line in one.lines
    ]
    held = [
        holds.HeldUnits(one.id, line.offer.id, one.order.event, line.quantity, one.expires_at)
        for one in accepted
        if one.expires_at is not None
        for line in one.lines
    ]
    inventory.move(moves, balances, now=now, held=held)


def _entry(accepted: Accepted) -> audit.Entry:
    """Returns the entry of an order that staff place for a customer."""
    quantities = {str(line.offer.id): line.quantity for line in accepted.lines}
    customer = accepted.order.placement.customer
    after = {"customer": customer, "total": accepted.total, "quantities": quantities}
    return audit.Entry(order_name(accepted.id), "place", after=after)


def _insert(accepted: Sequence[Accepted], currency: str, now: datetime) -> list[Written]:
    orders = [_order(one) for one in accepted]
    lines = [
        {
            "order": one.id,
            "product": line.offer.id,
            "quantity": line.quantity,
            "sku": line.offer.sku,
            "name": line.offer.name,
            "unit_price": line.unit_price,
            "tax_rate": line.offer.tax_rate,
            "id": id,
        }
        for one in accepted
        for id, line in zip(_ids_of_lines(one), one.lines, strict=True)
    ]
    parameters = [currency, now, _json(orders), _json(lines)]
    ((ids, numbers, line_ids),) = database.rows(writes.INSERT, parameters)
    number_of = dict(zip(ids, numbers, strict=True))
    had = {line["id"] for line in lines}
    new_ids = (id for id in line_ids if id not in had)
    return [
        Written(
            one,
            row | {"number": number_of[one.id], "created_at": row["created_at"] or now},
            now,
            [next(new_ids) if id is None else id for id in _ids_of_lines(one)],
        )
        for one, row in zip(accepted, orders, strict=True)
    ]


def _ids_of_lines(accepted: Accepted) -> Sequence[int | None]:
    """Returns the ids that the lines of a cart have; None for new lines."""
    cart = accepted.order.cart
    return [None] * len(accepted.lines) if cart is None else [line.id for line in cart.lines]


def _order(accepted: Accepted) -> dict[str, Any]:
    order, placement = accepted.order, accepted.order.placement
    is_placed, cart = accepted.expires_at is None, order.cart
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
        "version": 1 if cart is None else cart.version + 1,
        "from_status": "" if cart is None else DRAFT,
        "number": cart and cart.number,
        "created_at": cart and cart.created_at,
    }


def _json(rows: Sequence[dict[str, Any]]) -> str:
    return msgspec.json.encode(rows).decode()


def placed(written: Written, currency: str, remaining: Remaining | None) -> Placed:
    """Returns the answer to an order. Called after the commit: in the transaction, it would hold
    the locks of stock a tenth longer."""
    columns, at = {name: written.row[name] for name in _SHOWN}, written.at
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
    view = OrderView(**columns, placed_at=at, updated_at=at, currency=currency, lines=lines)
    return Placed(view, replayed=False, remaining=remaining)


_SHOWN = (
    *("id", "number", "customer", "status", "total", "note", "reference", "ship_to"),
    *("requested_for", "created_at", "version", "expires_at"),
)
"""What the answer to an order shows of its row."""
