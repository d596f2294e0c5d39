"""Orders of customers, and confirmations by staff, without a thread that waits for them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from larder.core.clock import now
from larder.db.idempotency import Claim, Scope, fingerprint
from larder.front.writes import METHOD, Shown, Writes
from larder.http.idempotency import idempotency_key
from larder.http.quotas import is_near, quota_headers
from larder.identity.caller import Caller
from larder.identity.services.audit import Acting
from larder.orders.services.confirm_order import Confirmation
from larder.orders.services.placing.placement import Placed, Request, new_order
from larder.orders.services.transitions import Moved, TransitionRequest
from larder.v1.bodies import decode_if_valid
from larder.v1.moves import Moving
from larder.v1.orders import NewOrder, placement

PATH = "/api/v1/orders"


class Orders(Writes):
    """Places orders of customers. The rights of staff are read before an order."""

    path, status = PATH, 201

    def read(self, environ: Mapping[str, Any], raw: bytes, who: Caller) -> Request | None:
        """Returns the order of the body, if it is valid."""
        body = None if who.is_staff else decode_if_valid(raw, NewOrder)
        if body is None:
            return None
        return new_order(placement(body, who, idempotency_key(environ), f"{METHOD} {PATH}"), now())

    def show(self, result: Placed) -> Shown:
        """Returns the order with its path, and the remaining quota if it is nearly used."""
        headers = {"Location": f"{PATH}/{result.order.id}"}
        if result.remaining is not None and is_near(result.remaining):
            headers |= quota_headers(result.remaining)
        return Shown(result.order, result.replayed, headers)


class Confirmations(Writes):
    """Confirms orders for staff, whose rights are read in the transaction."""

    path, status = f"{PATH}/<id:order>/confirm", 200

    def read(self, environ: Mapping[str, Any], raw: bytes, who: Caller) -> Request | None:
        """Returns the confirmation of the order of the path, if no version is asked for."""
        body = decode_if_valid(raw, Moving) if who.is_staff else None
        if body is None or "HTTP_IF_MATCH" in environ:
            return None
        return _confirmation(environ, body, who)

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
