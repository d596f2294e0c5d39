"""Abandoning an order: the answer is certain, whatever requests are still on their way."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from larder.core.clock import now
from larder.core.errors import Fault
from larder.identity.caller import Caller
from larder.orders.services.abandon import Abandonment, abandon_id, abandon_key
from larder.v1 import abandon_shapes
from larder.v1.http import reply
from larder.v1.operations import operation
from larder.v1.orders import shown


def _faults(body: Any, _: Caller | None) -> Iterator[Fault]:
    if ("id" in body) == ("idempotency_key" in body):
        yield Fault("", "one_of", "Give either id or idempotency_key.")


@operation(
    tag="orders", answers={200: abandon_shapes.Abandoned}, problems=["not_found"], also=_faults
)
def abandon_order(
    request: HttpRequest, caller: Caller, body: abandon_shapes.Abandonment
) -> HttpResponse:
    """Finds out whether an order was placed; if it was not, it never will be."""
    asked = Abandonment(who=caller, now=now())
    if isinstance(body.id, UUID):
        order = abandon_id(body.id, asked)
    else:
        order = abandon_key(str(body.idempotency_key), asked)
    if order is None:
        return reply(abandon_shapes.Abandoned("abandoned"))
    return reply(abandon_shapes.Abandoned("placed", shown(order)))
