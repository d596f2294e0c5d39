"""What is done to an order that was placed: cancelled, packed, shipped, delivered, returned."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from django.http import HttpResponse
from msgspec import UNSET
from rest_framework.request import Request

from larder.api.authentication import IsStaff
from larder.api.v1 import move_shapes, shapes
from larder.api.v1.bodies import read_body
from larder.api.v1.http import Endpoint, caller, claim, replay_headers, reply_tagged, version_wanted
from larder.api.v1.operations import KEYED, TAGGED, VERSIONED, Trait, operation
from larder.api.v1.orders import shown, whose
from larder.common.clock import now
from larder.common.idempotency import fingerprint
from larder.orders import queries
from larder.orders.services import moves, returns
from larder.orders.services.held_orders import Asked
from larder.orders.services.moves import Picked
from larder.orders.services.returns import ReturnedLine

MOVED = Trait(
    (*KEYED.headers, *VERSIONED.headers, *TAGGED.headers),
    (*KEYED.codes, *VERSIONED.codes, "not_found", "invalid_transition", "stock_limit_exceeded"),
    KEYED.repeats_with | VERSIONED.repeats_with,
)
"""What all moves have in common. Their keys are kept for ever, as orders are."""

move = partial(operation, tag="orders", answers={200: shapes.Order}, traits=[MOVED])


class Cancel(Endpoint):
    @move("cancel_order", body=move_shapes.Cancellation, problems=["made_otherwise"])
    def post(self, request: Request, order: UUID) -> HttpResponse:
        """Cancels an order; its units can be ordered again. Customers can until it is packed."""
        body = read_body(request, move_shapes.Cancellation)
        return _moved(request, order, body, lambda asked: _cancel(asked, body))


class Pack(Endpoint):
    permission_classes = (IsStaff,)

    @move("pack_order", body=move_shapes.Packing, problems=["not_staff", "made_otherwise"])
    def post(self, request: Request, order: UUID) -> HttpResponse:
        """Staff: the order is packed, of some lines perhaps fewer than ordered."""
        body = read_body(request, move_shapes.Packing)
        return _moved(request, order, body, lambda asked: _pack(asked, body))


class Ship(Endpoint):
    permission_classes = (IsStaff,)

    @move("ship_order", body=move_shapes.Moving, problems=["not_staff"])
    def post(self, request: Request, order: UUID) -> HttpResponse:
        """Staff: the packed order leaves the house."""
        body = read_body(request, move_shapes.Moving)
        return _moved(request, order, body, moves.ship_order)


class Deliver(Endpoint):
    permission_classes = (IsStaff,)

    @move("deliver_order", body=move_shapes.Moving, problems=["not_staff"])
    def post(self, request: Request, order: UUID) -> HttpResponse:
        """Staff: the order has arrived."""
        body = read_body(request, move_shapes.Moving)
        return _moved(request, order, body, moves.deliver_order)


class Return(Endpoint):
    permission_classes = (IsStaff,)

    @move("return_order", body=move_shapes.Return, problems=["not_staff", "return_exceeds_shipped"])
    def post(self, request: Request, order: UUID) -> HttpResponse:
        """Staff: units of a shipped order came back. Each request without a key is one more."""
        body = read_body(request, move_shapes.Return)
        return _moved(request, order, body, lambda asked: _return(asked, body))


def _cancel(asked: Asked, body: move_shapes.Cancellation) -> bool:
    return moves.cancel_order(asked, reason=body.reason)


def _pack(asked: Asked, body: move_shapes.Packing) -> bool:
    lines = [] if body.lines is UNSET else body.lines
    picked = [Picked(one.product, one.quantity, one.missing) for one in lines]
    return moves.pack_order(asked, picked=picked)


def _return(asked: Asked, body: move_shapes.Return) -> bool:
    lines = [ReturnedLine(one.product, one.quantity, one.restock) for one in body.lines]
    return returns.return_order(asked, lines=lines, reason=body.reason)


def _moved(
    request: Request, order: UUID, body: msgspec.Struct, make: Callable[[Asked], Any]
) -> HttpResponse:
    """Makes a move and answers with the order as it stands then."""
    asked = Asked(
        order=order,
        who=caller(request),
        now=now(),
        version=version_wanted(request),
        claim=claim(request, fingerprint(msgspec.to_builtins(body)), result=str(order)),
    )
    headers = replay_headers(replayed=make(asked))
    found = queries.order(order, customer=whose(caller(request)))
    return reply_tagged(request, shown(found), version=found.version, headers=headers)
