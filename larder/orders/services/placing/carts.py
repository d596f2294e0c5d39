"""Takes the carts that are to be placed: as they were read before the transaction, or not at all.

The request reads the cart and knows its lines, so it waits in the queue as any other order. A cart
that has changed since is read again.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from larder.core.errors import DomainError, NotFound, StaleVersion
from larder.core.ids import SYSTEM_ACTOR
from larder.db import database, idempotency
from larder.db.idempotency import Earlier, Scope
from larder.orders.errors import AlreadySubmitted, CartEmpty, OrderAbandoned
from larder.orders.models import Order
from larder.orders.services import cart
from larder.orders.services.placing.placement import (
    ABANDONED,
    ORDER_ID,
    Accepted,
    CartChanged,
    NewOrder,
    left,
    mark_of,
)
from larder.orders.sql import carts


def lock_carts(orders: Sequence[NewOrder]) -> dict[NewOrder, Exception]:
    """Locks the carts that are placed. Returns the answers to the orders whose cart is not placed.

    Refusals: NotFound (unknown, or of another customer), AlreadySubmitted, CartEmpty, StaleVersion,
    OrderAbandoned (the cart that was named or read has another id now), and CartChanged. The locks
    last until the transaction ends.
    """
    named = [order for order in orders if order.placement.is_cart]
    refused = {order: refusal for order in named if (refusal := _refusal(order)) is not None}
    waiting = [
        (order, {"customer": row.customer, "id": row.id, "version": row.version})
        for order in left(named, refused)
        if (row := order.cart) is not None
    ]
    # Rows are locked in the order of the customers.
    waiting.sort(key=lambda found: found[1]["customer"] or 0)
    read = msgspec.json.encode([row for _, row in waiting]).decode()
    locked = {id for (id,) in database.rows(carts.LOCK_UNCHANGED, [read])} if waiting else set()
    changed = {order: CartChanged() for order, row in waiting if row["customer"] not in locked}
    return {**refused, **changed, **_abandoned({**refused, **changed})}


def end_carts(accepted: Sequence[Accepted]) -> None:
    """Ends the carts that were placed."""
    customers = [one.order.placement.customer for one in accepted if one.order.cart is not None]
    if customers:
        cart.end(customers)


def _refusal(order: NewOrder) -> DomainError | None:
    row, expected = order.cart, order.placement.cart
    if expected is None and (row is None or row.id != order.placement.draft):
        orders = Order.objects.filter(id=order.id, customer_id=order.placement.customer)
        return AlreadySubmitted() if orders.exists() else NotFound()
    version = expected.version if expected else None
    if row is None:
        return StaleVersion(0) if version and version.version != 0 else CartEmpty()
    if version and version.differs(row.id, row.version):
        return StaleVersion(row.version)
    return None if row.lines else CartEmpty()


def _abandoned(answers: Mapping[NewOrder, Exception]) -> dict[NewOrder, Exception]:
    """Returns OrderAbandoned for orders whose cart has another id now, because its customer
    abandoned the former id."""
    scopes = [
        (Scope(SYSTEM_ACTOR, ORDER_ID, str(id)), order)
        for order, answer in answers.items()
        if isinstance(answer, StaleVersion | CartEmpty | NotFound | CartChanged)
        for id in _ids(order)
    ]
    earlier = idempotency.find([scope for scope, _ in scopes])
    return {
        order: OrderAbandoned()
        for scope, order in scopes
        if earlier.get(scope) == Earlier(mark_of(order.placement.actor), ABANDONED)
    }


def _ids(order: NewOrder) -> set[UUID]:
    """Returns the ids of the carts that the request named or found."""
    expected = order.placement.cart
    named = expected.version.id if expected and expected.version else order.placement.draft
    read = order.cart.id if order.cart else None
    return {id for id in (named, read) if id is not None}
