"""Orders of customers, and confirmations by staff, without a thread that waits for them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from larder.core.clock import now
from larder.db.idempotency import Claim, Scope, fingerprint
from larder.front.writes import METHOD, Begin, Shown, Writes
from larder.http.idempotency import idempotency_key
from larder.http.quotas import is_near, quota_headers
from larder.identity.caller import Caller
from larder.identity.services.audit import Acting
from larder.orders.services import confirm_order
from larder.orders.services.confirm_order import Confirmation, start_confirmation
from larder.orders.services.placing import place_order
from larder.orders.services.placing.placement import Placed
from larder.orders.services.transitions import Moved, TransitionRequest
from larder.v1.bodies import decode_if_valid
from larder.v1.moves import Moving
from larder.v1.orders import NewOrder, start_order

PATH = "/api/v1/orders"


class Orders(Writes[Placed]):
    """Places orders of customers. The rights of staff are read before an order."""

    path, status, limits = PATH, 201, place_order.LIMITS

    def begin(self, environ: Mapping[str, Any], raw: bytes, who: Caller) -> Begin[Placed] | None:
        """Places the order of the body, if it is valid."""
        body = None if who.is_staff else decode_if_valid(raw, NewOrder)
        if body is None:
            return None
        return lambda done: start_order(
            body, who, key=idempotency_key(environ), operation=f"{METHOD} {PATH}", done=done
        )

    def show(self, result: Placed) -> Shown:
        """Returns the order with its path, and the remaining quota if it is nearly used."""
        headers = {"Location": f"{PATH}/{result.order.id}"}
        if result.remaining is not None and is_near(result.remaining):
            headers |= quota_headers(result.remaining)
        return Shown(result.order, result.replayed, headers)


class Confirmations(Writes[Moved]):
    """Confirms orders for staff, whose rights are read in the transaction."""

    path, status, limits = f"{PATH}/<id:order>/confirm", 200, confirm_order.LIMITS

    def begin(self, environ: Mapping[str, Any], raw: bytes, who: Caller) -> Begin[Moved] | None:
        """Confirms the order of the path, if no version is asked for."""
        body = decode_if_valid(raw, Moving) if who.is_staff else None
        if body is None or "HTTP_IF_MATCH" in environ:
            return None
        return lambda done: start_confirmation(_confirmation(environ, body, who), done)

    def show(self, result: Moved) -> Shown | None:
        """Returns the order; None if it was confirmed before: then Django reads it."""
        return None if result.order is None else Shown(result.order, result.replayed)


def _confirmation(environ: Mapping[str, Any], body: Moving, who: Caller) -> Confirmation:
    path: str = environ["PATH_INFO"]
    order, key = UUID(path.split("/")[-2]), idempotency_key(environ)
    claim = None
    if key is not None:
        content = fingerprint(msgspec.to_builtins(body))
        claim = Claim(Scope(who.public_id, f"{METHOD} {path}", key), content, result=str(order))
    request = TransitionRequest(order=order, caller=who, now=now(), claim=claim)
    return Confirmation(request, Acting(who.public_id, "v1"))
