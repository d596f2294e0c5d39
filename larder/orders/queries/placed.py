"""Single placed orders, by id and by number."""

from collections.abc import Callable, Collection, Sequence
from uuid import UUID

from larder.core.errors import NotFound
from larder.core.limits import MAX_ID
from larder.core.parts import Part
from larder.db import database
from larder.identity.caller import Caller
from larder.orders.models import Order
from larder.orders.queries.history import OrderFilter
from larder.orders.queries.order_views import OrderView, first_part, read
from larder.orders.sql import reads, writes


def order(order_id: UUID, *, customer: int | None) -> OrderView:
    """Returns a placed order; with `customer`, only an order of this customer. Raises NotFound."""
    found = orders([order_id])
    if order_id not in found or customer not in (None, found[order_id].customer):
        raise NotFound
    return found[order_id]


def visible_order(order_id: UUID, caller: Caller, *permissions: str) -> OrderView:
    """Returns a placed order of the caller; of any customer with the permission to view orders, or
    one of `permissions`.

    Raises NotFound. For staff, what `require` raises if the order is another customer's: only to
    customers other orders do not exist.
    """
    found = order(order_id, customer=None)
    sees_all = any(caller.may(one) for one in ("orders.view_order", *permissions))
    if not sees_all and found.customer != caller.id:
        if caller.is_staff:
            caller.require("orders.view_order")
        raise NotFound
    return found


def id_by_number(number: int, *, customer: int) -> UUID:
    """Returns the id of a customer's placed order. Raises NotFound."""
    rows = Order.objects.filter(number=number, customer_id=customer)
    found = rows.values_list("id", flat=True).first()
    if found is None:
        raise NotFound
    return found


def by_number(number: int, *, customer: int) -> OrderView:
    """Returns a customer's placed order. Raises NotFound."""
    if number > MAX_ID:
        raise NotFound
    where, parameters = OrderFilter(customer, number=number).conditions()
    found = read(reads.BY_ORDER.orders + where, parameters)
    if not found:
        raise NotFound
    return found[0]


def orders(order_ids: Collection[UUID]) -> dict[UUID, OrderView]:
    """Returns placed orders by id, without unknown ids."""
    found = read(reads.WITH_IDS, [list(order_ids)])
    return {one.id: one for one in found}


def first_orders(order_ids: Sequence[UUID]) -> Part[OrderView]:
    """Returns the first of these placed orders, in the order of the ids: as many as have up to
    `MAX_PAGE_LINES` lines and `MAX_PAGE_BYTES` of texts."""
    if not order_ids:
        return Part([])
    ids = list(order_ids)
    return first_part(reads.AS_GIVEN, [ids, ids], limit=len(ids))


def submit_existing(order_ids: Collection[UUID]) -> Callable[[], set[UUID]]:
    """Submits a statement, and returns a function that returns those of the ids that an order or a
    cart has."""
    if not order_ids:
        return set
    reading = database.submit(writes.EXISTING, [list(order_ids), list(order_ids)])
    return lambda: {id for (id,) in reading()}
