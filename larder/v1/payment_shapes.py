"""Types of the fields of payments, which v1 and the events of providers share."""

from typing import Annotated

from msgspec import Meta

from larder.core.limits import MAX_PAYMENT, MAX_SHORT_TEXT_LENGTH, MAX_WORD_LENGTH
from larder.orders.payment_state import Kind
from larder.v1.shapes import Number

KINDS = [kind.value for kind in Kind]
VISIBLE = "Expected visible ASCII characters."

ProviderName = Annotated[
    str,
    Meta(
        max_length=MAX_WORD_LENGTH,
        pattern=r"^[a-z][a-z0-9_]*\Z",
        extra={"form": "Expected a word of small letters, digits and _, such as cash."},
        examples=["cash", "transfer", "terminal", "other"],
    ),
]
KindName = Annotated[
    str,
    Meta(
        pattern=rf"^({'|'.join(KINDS)})\Z",
        extra={"form": f"Expected one of: {', '.join(KINDS)}."},
        examples=KINDS,
    ),
]
TransactionId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_SHORT_TEXT_LENGTH,
        pattern=r"^[!-~]+\Z",
        description="The provider's id of the movement.",
        extra={"form": VISIBLE},
    ),
]
Intent = Annotated[
    str,
    Meta(
        max_length=MAX_SHORT_TEXT_LENGTH,
        pattern=r"^[!-~]*\Z",
        description="The provider's id that all movements of one payment share; may be empty.",
        extra={"form": VISIBLE},
    ),
]
Amount = Annotated[Number, Meta(ge=1, le=MAX_PAYMENT, description="In minor units, such as pence.")]
CurrencyCode = Annotated[
    str,
    Meta(
        pattern=r"^[A-Z]{3}\Z",
        description="ISO 4217.",
        extra={"form": "Expected three capital letters, such as GBP."},
    ),
]
