"""The bodies of abandoning an order."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from larder.core.limits import MAX_IDEMPOTENCY_KEY_LENGTH
from larder.v1.shapes import Order, Request

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
