"""Abandons an order whose request may still arrive: it was placed, or it cannot be placed any more.

The id or the key is claimed in a separate transaction, as in placing. The claim waits for a request
in flight. Then it either finds the order, or is stored without an expiry and refuses the request.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from larder.core.errors import NotFound
from larder.core.ids import SYSTEM_ACTOR
from larder.db import idempotency
from larder.db.idempotency import Claim, Scope
from larder.identity.caller import Caller
from larder.identity.services import audit, quotas
from larder.identity.services.credentials import renewed
from larder.orders import queries
from larder.orders.services.cart import renew_cart
from larder.orders.services.locks import lock_order, order_name
from larder.orders.services.placing.placement import ABANDONED, ORDER_ID, mark_of

PLACING = ("POST /api/v1/cart/submit", "POST /api/v1/orders")
"""The operations that place an order under an idempotency key."""


def abandon_id(id: UUID, *, who: Caller, now: datetime) -> queries.OrderView | None:
    """Returns the order with this id if it was placed; otherwise None, and it cannot be placed any
    more.

    The caller's cart, if it has this id, gets another id and number and keeps its lines. Waits for
    a transaction that places the order. Raises SessionEnded, NotFound (the id belongs to another
    customer; for staff as `visible_order` does), QuotaExceeded.
    """
    claim = _claim(Scope(SYSTEM_ACTOR, ORDER_ID, str(id)), who)
    with transaction.atomic(durable=True):
        renewed(who)
        earlier = idempotency.claim([claim], now=now).get(claim.scope)
        if earlier is not None and earlier.result == ABANDONED:
            if earlier.fingerprint != claim.fingerprint:
                raise NotFound
            return None
        # This waits for a transaction that places the cart. Then the order is found.
        owner = renew_cart(id, now=now) if earlier is None else None
        if earlier is not None or (owner is None and lock_order(id) is not None):
            idempotency.release([claim.scope] if earlier is None else [])
            return queries.visible_order(id, who)
        if owner not in {None, who.id}:
            raise NotFound
        quotas.take("abandoned", who.id)
        audit.record(order_name(id), "abandon")
    return None


def abandon_key(key: str, *, who: Caller, now: datetime) -> queries.OrderView | None:
    """Returns the order that was placed with this key of the caller, the last one if there are two;
    otherwise None, and no order can be placed with it any more. Waits and raises as `abandon_id`.
    """
    scopes = [Scope(who.public_id, operation, key) for operation in PLACING]
    claims = [_claim(scope, who) for scope in scopes]
    with transaction.atomic(durable=True):
        renewed(who)
        earlier = idempotency.claim(claims, now=now)
        placed = [UUID(use.result) for use in earlier.values() if use.result != ABANDONED]
        if placed:
            idempotency.release([scope for scope in scopes if scope not in earlier])
        elif not earlier:
            quotas.take("abandoned", who.id)
        orders = [queries.visible_order(id, who) for id in placed]
    return max(orders, key=lambda order: order.placed_at, default=None)


def _claim(scope: Scope, who: Caller) -> Claim:
    return Claim(scope, mark_of(who.public_id), ABANDONED)
