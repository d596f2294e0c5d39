"""Abandoning an order whose request may still arrive: it was placed, or it never will be.

The id or the key is claimed as placing claims it, in a transaction of its own. The claim waits for
a request in flight; then it either finds the order, or is kept for ever and refuses the request.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from larder.core.errors import NotFound
from larder.core.ids import SYSTEM_ACTOR, new_id
from larder.db import database, idempotency
from larder.db.idempotency import Claim, Earlier, Scope
from larder.identity import audit, quotas
from larder.identity.caller import Caller
from larder.identity.services import accounts
from larder.orders import queries, sql
from larder.orders.models import Order, OrderStatus
from larder.orders.queries import OrderView
from larder.orders.services.locks import lock_order, order_name
from larder.orders.services.placement import ABANDONED, ORDER_ID, mark_of

PLACING = ("POST /api/v1/cart/submit", "POST /api/v1/orders")
"""The operations that place an order under an idempotency key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandonment:
    """What a caller abandons: an id, or a key of theirs."""

    who: Caller
    now: datetime

    @property
    def customer(self) -> int | None:
        """Whose orders the caller may see; None for all of them."""
        return None if self.who.may("orders.view_order") else self.who.id


def abandon_id(id: UUID, asked: Abandonment) -> OrderView | None:
    """Returns the order of this id if it was placed, otherwise None: it never will be.

    The caller's cart, if it has this id, gets another id and number and keeps its lines. Waits for
    a transaction that places the order. Raises SessionEnded, NotFound (the id is another's),
    QuotaExceeded.
    """
    scope = Scope(SYSTEM_ACTOR, ORDER_ID, str(id))
    with transaction.atomic(durable=True):
        earlier = _claim([scope], asked).get(scope)
        if earlier is not None:
            return _known(earlier, asked)
        row = lock_order(id)
        if row is not None and row.status != OrderStatus.DRAFT:
            idempotency.release([scope])
            return queries.order(id, customer=asked.customer)
        if row is not None:
            _renew_cart(id, row, asked)
        quotas.take("abandoned", asked.who.id)
        audit.record(order_name(id), "abandon")
    return None


def abandon_key(key: str, asked: Abandonment) -> OrderView | None:
    """Returns the order that was placed under this key of the caller, the last one if there are
    two; otherwise None: none ever will be.

    Waits for a transaction that places one. Raises SessionEnded, NotFound (the orders are of
    customers whose orders the caller may not see any more), QuotaExceeded.
    """
    scopes = [Scope(asked.who.public_id, operation, key) for operation in PLACING]
    with transaction.atomic(durable=True):
        earlier = _claim(scopes, asked)
        placed = [UUID(one.result) for one in earlier.values() if one.result != ABANDONED]
        if placed:
            idempotency.release([scope for scope in scopes if scope not in earlier])
            found = [queries.order(id, customer=asked.customer) for id in placed]
            return max(found, key=lambda order: order.placed_at)
        if not earlier:
            quotas.take("abandoned", asked.who.id)
    return None


def _claim(scopes: Sequence[Scope], asked: Abandonment) -> dict[Scope, Earlier]:
    mark = mark_of(asked.who.public_id)
    accounts.require_active(asked.who)
    database.tag_session()
    return idempotency.claim([Claim(scope, mark, ABANDONED) for scope in scopes], now=asked.now)


def _known(earlier: Earlier, asked: Abandonment) -> OrderView | None:
    """Returns what an earlier claim of the id says. Raises NotFound."""
    if earlier.result != ABANDONED:
        return queries.order(UUID(earlier.result), customer=asked.customer)
    if earlier.fingerprint != mark_of(asked.who.public_id):
        raise NotFound
    return None


def _renew_cart(id: UUID, row: Order, asked: Abandonment) -> None:
    """Gives the caller's cart another id and number. Raises NotFound for another's."""
    if row.customer_id != asked.who.id:
        raise NotFound
    renewed = new_id()
    database.execute(sql.RENEW_DRAFT, [renewed, asked.now, id, renewed, id])
