"""Abandoning an order: the answer is certain, whatever requests are still on their way."""

from collections.abc import Iterator
from typing import Annotated, Any
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from msgspec import UNSET, Meta, UnsetType

from larder.core.clock import now
from larder.core.errors import Fault
from larder.core.limits import MAX_IDEMPOTENCY_KEY_LENGTH
from larder.identity.caller import Caller
from larder.orders.services import abandon
from larder.v1.http import reply
from larder.v1.operations import QUOTA, operation
from larder.v1.orders import Order, shown
from larder.v1.shapes import Request

Key = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_IDEMPOTENCY_KEY_LENGTH,
        pattern=r"^[!-+\-.-~]+\Z",
        description="The `Idempotency-Key` of the caller's `POST orders` or `POST cart/submit`.",
        extra={
            "form": f"Expected 1 to {MAX_IDEMPOTENCY_KEY_LENGTH} visible ASCII characters"
            " without a comma."
        },
    ),
]
OrderId = Annotated[
    UUID, Meta(description="The id that the order was sent with, or that of the open cart.")
]
Outcome = Annotated[
    str,
    Meta(
        description="`placed`: it was placed. `abandoned`: it never will be.",
        examples=["abandoned", "placed"],
    ),
]


class Abandonment(Request):
    """What is abandoned: either an `id` or an `idempotency_key`."""

    id: OrderId | UnsetType = UNSET
    idempotency_key: Key | UnsetType = UNSET


class Abandoned(msgspec.Struct):
    """What is certain now. `placed`: the order was placed, and is in `order` in its present state;
    `abandoned`: it was not, and never will be."""

    outcome: Outcome
    order: Order | UnsetType = UNSET


def _faults(body: Any, _: Caller | None) -> Iterator[Fault]:
    if ("id" in body) == ("idempotency_key" in body):
        yield Fault("", "one_of", "Give either id or idempotency_key.")


@operation(
    tag="orders",
    for_others="orders.view_order",
    answers={200: Abandoned},
    problems=["not_found"],
    traits=[QUOTA],
    also=_faults,
)
def abandon_order(request: HttpRequest, caller: Caller, body: Abandonment) -> HttpResponse:
    """Finds out whether an order was placed; if it was not, it never will be."""
    asked = abandon.Abandonment(who=caller, now=now())
    if isinstance(body.id, UUID):
        order = abandon.abandon_id(body.id, asked)
    else:
        order = abandon.abandon_key(str(body.idempotency_key), asked)
    if order is None:
        return reply(Abandoned("abandoned"))
    return reply(Abandoned("placed", shown(order)))
