"""Locks the drafts that are to be placed, checks them, and reads their lines."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from msgspec.structs import replace

from larder.core.errors import DomainError, NotFound, StaleVersion
from larder.core.ids import SYSTEM_ACTOR
from larder.db import idempotency
from larder.db.idempotency import Earlier, Scope
from larder.orders.decision import Wanted
from larder.orders.errors import AlreadySubmitted, CartEmpty, OrderAbandoned
from larder.orders.models import Order, OrderLine, OrderStatus
from larder.orders.services.locks import lock_orders
from larder.orders.services.placing.placement import (
    ABANDONED,
    ORDER_ID,
    Draft,
    NewOrder,
    mark_of,
)

Lines = Sequence[tuple[int, Wanted]]
"""The id of each line, ascending, and its product and quantity, with the price when it was
added."""


def lock_drafts(
    orders: Sequence[NewOrder],
) -> tuple[dict[NewOrder, Draft], dict[NewOrder, DomainError]]:
    """Locks the drafts that are placed, by id. Returns them, and the refusals of the others.

    Refusals: NotFound (unknown, or of another customer), AlreadySubmitted, CartEmpty, StaleVersion,
    OrderAbandoned (the draft that was named or found has another id now). The locks last until the
    transaction ends, so these drafts do not change meanwhile.
    """
    ids = _ids([order for order in orders if order.placement.is_draft])
    # In this order, so that the lines are read under the lock.
    rows = lock_orders(list(ids.values())) if ids else {}
    lines = _lines(list(ids.values())) if ids else {}
    drafts: dict[NewOrder, Draft] = {}
    refused: dict[NewOrder, DomainError] = {}
    for order in orders:
        if not order.placement.is_draft:
            continue
        row = rows.get(ids[order]) if order in ids else None
        found = lines.get(row.id, []) if row else []
        refusal = _refusal(order, row, found)
        if refusal is not None:
            refused[order] = refusal
        elif row is not None:
            drafts[order] = _draft(order, row, found)
    return drafts, refused | _abandoned(refused, ids)


def _ids(orders: Sequence[NewOrder]) -> dict[NewOrder, UUID]:
    """Returns the ids of the drafts: of a cart, that of the customer's current draft."""
    customers = {order.placement.customer for order in orders if order.placement.cart is not None}
    present: dict[int, UUID] = {}
    if customers:
        rows = Order.objects.filter(customer_id__in=customers, status=OrderStatus.DRAFT)
        present = dict(rows.values_list("customer_id", "id"))
    ids = {
        order: order.id if order.placement.cart is None else present.get(order.placement.customer)
        for order in orders
    }
    return {order: id for order, id in ids.items() if id is not None}


def _lines(drafts: Collection[UUID]) -> dict[UUID, list[tuple[int, Wanted]]]:
    lines: dict[UUID, list[tuple[int, Wanted]]] = defaultdict(list)
    rows = OrderLine.objects.filter(order_id__in=drafts).order_by("id")
    columns = ("order_id", "id", "product_id", "quantity", "unit_price")
    for order, id, *wanted in rows.values_list(*columns):
        lines[order].append((id, Wanted(*wanted)))
    return lines


def _draft(order: NewOrder, row: Order, lines: Lines) -> Draft:
    if order.expected_total is None:
        lines = [(id, replace(line, expected_price=None)) for id, line in lines]
    return Draft(row.id, row.number, row.version, row.created_at, lines)


def _refusal(order: NewOrder, row: Order | None, lines: Lines) -> DomainError | None:
    cart = order.placement.cart
    if row is None or row.customer_id != order.placement.customer:
        return NotFound() if cart is None else _no_cart(order)
    if row.status != OrderStatus.DRAFT:
        return AlreadySubmitted() if cart is None else _no_cart(order)
    if cart and cart.version and cart.version.differs(row.id, row.version):
        return StaleVersion(row.version)
    return None if lines else CartEmpty()


def _no_cart(order: NewOrder) -> DomainError:
    """Returns the refusal if the customer has no cart: there was none, or it was placed or deleted
    while this order waited."""
    expected = order.placement.cart and order.placement.cart.version
    return StaleVersion(0) if expected and expected.version != 0 else CartEmpty()


def _abandoned(
    refused: Mapping[NewOrder, DomainError], ids: Mapping[NewOrder, UUID]
) -> dict[NewOrder, DomainError]:
    """Returns OrderAbandoned for orders whose cart or draft has another id now, because its
    customer abandoned the former id."""
    scopes = [
        (Scope(SYSTEM_ACTOR, ORDER_ID, str(id)), order)
        for order, refusal in refused.items()
        if isinstance(refusal, StaleVersion | CartEmpty | NotFound)
        for id in {_named(order), ids.get(order)}
        if id is not None
    ]
    earlier = idempotency.find([scope for scope, _ in scopes])
    return {
        order: OrderAbandoned()
        for scope, order in scopes
        if earlier.get(scope) == Earlier(mark_of(order.placement.actor), ABANDONED)
    }


def _named(order: NewOrder) -> UUID | None:
    cart = order.placement.cart
    return cart.version.id if cart and cart.version else None
