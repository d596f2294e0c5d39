"""Abandoning an order. The answer is final, also if earlier requests arrive later."""

from typing import Annotated
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from msgspec import UNSET, Meta, UnsetType

from larder.core.clock import now
from larder.core.errors import Fault, InvalidInput
from larder.core.limits import MAX_IDEMPOTENCY_KEY_LENGTH
from larder.identity.caller import Caller
from larder.orders.services import abandon
from larder.v1.http import reply
from larder.v1.operations import QUOTA, operation
from larder.v1.order_shapes import Order, shown
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
        description="`placed`: it was placed. `abandoned`: it cannot be placed any more.",
        examples=["abandoned", "placed"],
    ),
]


class Abandonment(Request):
    """The order to abandon: either its `id` or its `idempotency_key`."""

    id: OrderId | UnsetType = UNSET
    idempotency_key: Key | UnsetType = UNSET


class Abandoned(msgspec.Struct):
    """The final result. `placed`: the order was placed, and `order` has its current state.
    `abandoned`: it was not placed, and cannot be placed any more."""

    outcome: Outcome
    order: Order | UnsetType = UNSET


@operation(
    tag="orders",
    for_others="orders.view_order",
    key_permission="orders.add_order",
    answers={200: Abandoned},
    problems=["not_found"],
    traits=[QUOTA],
    example={"idempotency_key": "0f5b2c9e-5d0e-4a55-9c54-2f7f4b0f7a31"},
)
def abandon_order(request: HttpRequest, caller: Caller, body: Abandonment) -> HttpResponse:
    """Returns whether an order was placed; if not, prevents that it is placed later."""
    if (body.id is UNSET) == (body.idempotency_key is UNSET):
        raise InvalidInput([Fault("", "one_of", "Give either id or idempotency_key.")])
    if isinstance(body.id, UUID):
        order = abandon.abandon_id(body.id, who=caller, now=now())
    else:
        order = abandon.abandon_key(str(body.idempotency_key), who=caller, now=now())
    if order is None:
        return reply(Abandoned("abandoned"))
    return reply(Abandoned("placed", shown(order)))
