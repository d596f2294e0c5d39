"""Abandons an order whose request may still arrive: it was placed, or it cannot be placed any more.

The id or the key is claimed in a separate transaction, as in placing. The claim waits for a request
in flight. Then it either finds the order, or is stored without an expiry and refuses the request.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from larder.core.errors import NotFound
from larder.core.ids import SYSTEM_ACTOR
from larder.db import database, idempotency
from larder.db.idempotency import Claim, Earlier, Scope
from larder.identity import audit, quotas
from larder.identity.caller import Caller
from larder.identity.services import accounts
from larder.orders import queries
from larder.orders.models import Order, OrderStatus
from larder.orders.queries import OrderView
from larder.orders.services.drafts import renew_draft
from larder.orders.services.locks import lock_order, order_name
from larder.orders.services.placement import ABANDONED, ORDER_ID, mark_of

PLACING = ("POST /api/v1/cart/submit", "POST /api/v1/orders")
"""The operations that place an order under an idempotency key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandonment:
    """A caller's request to abandon an id or a key."""

    who: Caller
    now: datetime


def abandon_id(id: UUID, abandonment: Abandonment) -> OrderView | None:
    """Returns the order with this id if it was placed; otherwise None, and it cannot be placed any
    more.

    The caller's cart, if it has this id, gets another id and number and keeps its lines. Waits for
    a transaction that places the order. Raises SessionEnded, NotFound (the id belongs to another
    customer; for staff as `visible_order` does), QuotaExceeded.
    """
    scope = Scope(SYSTEM_ACTOR, ORDER_ID, str(id))
    with transaction.atomic(durable=True):
        earlier = _claim([scope], abandonment).get(scope)
        if earlier is not None:
            return _known(earlier, abandonment)
        row = lock_order(id)
        if row is not None and row.status != OrderStatus.DRAFT:
            idempotency.release([scope])
            return queries.visible_order(id, abandonment.who)
        if row is not None:
            _renew_cart(id, row, abandonment)
        quotas.take("abandoned", abandonment.who.id)
        audit.record(order_name(id), "abandon")
    return None


def abandon_key(key: str, abandonment: Abandonment) -> OrderView | None:
    """Returns the order that was placed with this key of the caller, the last one if there are two;
    otherwise None, and no order can be placed with it any more.

    Waits for a transaction that places one. Raises SessionEnded, NotFound (the caller may not see
    orders of these customers any more), QuotaExceeded.
    """
    scopes = [Scope(abandonment.who.public_id, operation, key) for operation in PLACING]
    with transaction.atomic(durable=True):
        earlier = _claim(scopes, abandonment)
        placed = [UUID(one.result) for one in earlier.values() if one.result != ABANDONED]
        if placed:
            idempotency.release([scope for scope in scopes if scope not in earlier])
            found = [queries.visible_order(id, abandonment.who) for id in placed]
            return max(found, key=lambda order: order.placed_at)
        if not earlier:
            quotas.take("abandoned", abandonment.who.id)
    return None


def _claim(scopes: Sequence[Scope], abandonment: Abandonment) -> dict[Scope, Earlier]:
    mark = mark_of(abandonment.who.public_id)
    accounts.require_active(abandonment.who)
    database.tag_session()
    return idempotency.claim(
        [Claim(scope, mark, ABANDONED) for scope in scopes], now=abandonment.now
    )


def _known(earlier: Earlier, abandonment: Abandonment) -> OrderView | None:
    """Returns the order of an earlier claim of the id; None if it was abandoned. Raises
    NotFound."""
    if earlier.result != ABANDONED:
        return queries.visible_order(UUID(earlier.result), abandonment.who)
    if earlier.fingerprint != mark_of(abandonment.who.public_id):
        raise NotFound
    return None


def _renew_cart(id: UUID, row: Order, abandonment: Abandonment) -> None:
    """Gives the caller's cart another id and number. Raises NotFound for the cart of another
    customer."""
    if row.customer_id != abandonment.who.id:
        raise NotFound
    renew_draft(id, now=abandonment.now)
