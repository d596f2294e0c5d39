r"""Types that the bodies of several resources share, for reading, writing and OpenAPI.

Money is a string, ids of products and customers are integers, times are RFC 3339 in UTC.
Patterns end in \Z, because Python's $ also matches before a newline. OpenAPI has $ (openapi.py).
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Generic, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta

from larder.catalog.fields import NAME, PRICE, SKU, VISIBLE
from larder.core.limits import (
    COUNTRY_LENGTH,
    MAX_CODE_LENGTH,
    MAX_EMAIL_LENGTH,
    MAX_ID,
    MAX_PERSON_NAME_LENGTH,
    MAX_SHORT_TEXT_LENGTH,
    MAX_STOCK,
    MAX_TEXT_LENGTH,
    MAX_UNITS,
    MAX_USERNAME_LENGTH,
    MAX_WORD_LENGTH,
)
from larder.orders.lifecycle import STATUSES

MAX_IDS = 200
"""Ids that one request lists in a query parameter: each is looked up in an index."""


def open_enum(description: str, values: Iterable[str]) -> Meta:
    """Returns the annotation of a text that has one of these values, or one that is added later.

    With `enum`, typed clients would fail to read the answer of a shop that knows more of them.
    """
    known = list(values)
    extension = {"x-extensible-enum": known}
    return Meta(
        description=f"{description} More may be added.",
        examples=known[:1],
        extra_json_schema=extension,
    )


Time = Annotated[datetime, Meta(tz=True)]
_INT64 = {"format": "int64"}
Id = Annotated[int, Meta(ge=1, le=MAX_ID, extra_json_schema=_INT64)]
Number = Annotated[int, Meta(extra_json_schema=_INT64)]
Ids = Annotated[
    str,
    Meta(
        pattern=rf"^[0-9]{{1,18}}(,[0-9]{{1,18}}){{0,{MAX_IDS - 1}}}\Z",
        description=f"At most {MAX_IDS} ids with commas between them.",
        extra={"form": f"Expected 1 to {MAX_IDS} ids with commas between them, such as 1,2,3."},
        examples=["1,2,3"],
    ),
]
Quantity = Annotated[int, Meta(ge=1, le=MAX_UNITS)]
Units = Annotated[int, Meta(ge=0, le=MAX_STOCK)]
Change = Annotated[int, Meta(ge=-MAX_STOCK, le=MAX_STOCK)]
Price = Annotated[str, PRICE]
Link = Annotated[str, Meta(extra_json_schema={"format": "uri"})]
Money = Annotated[
    str,
    Meta(description="Two decimals, and a third only if it is not zero.", examples=["2.55"]),
]
Status = Annotated[
    str, open_enum("The status. Treat an unknown one as an order in progress.", STATUSES)
]
Actor = Annotated[
    UUID,
    Meta(
        description="The `public_id` of the actor: the order's customer, or a member of staff."
        " All zeros for a command of the shop or an event of a payment provider."
    ),
]
Name = Annotated[str, NAME]
Sku = Annotated[str, SKU]
Username = Annotated[str, Meta(min_length=1, max_length=MAX_USERNAME_LENGTH, **VISIBLE)]
Email = Annotated[
    str,
    Meta(
        max_length=MAX_EMAIL_LENGTH,
        pattern=r"^\Z|^[^@\s]+@[^@\s]+\.[^@\s]+\Z",
        extra={"form": "Expected an address such as ada@example.com, or an empty text."},
    ),
]
PersonName = Annotated[str, Meta(max_length=MAX_PERSON_NAME_LENGTH)]
Text = Annotated[str, Meta(max_length=MAX_TEXT_LENGTH)]
Short = Annotated[str, Meta(max_length=MAX_SHORT_TEXT_LENGTH)]
Tiny = Annotated[str, Meta(max_length=MAX_CODE_LENGTH)]
Country = Annotated[
    str,
    Meta(
        max_length=COUNTRY_LENGTH,
        pattern=r"^([A-Z]{2})?\Z",
        description="ISO 3166, two capital letters.",
        extra={"form": "Expected two capital letters, such as GB, or an empty text."},
    ),
]


Word = Annotated[
    str,
    Meta(
        max_length=MAX_WORD_LENGTH,
        pattern=r"^[a-z][a-z0-9_]*\Z",
        extra={"form": "Expected a word of small letters, digits and _, such as received."},
    ),
]


class Request(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Base of the bodies of requests: an unknown field is a fault."""


Row = TypeVar("Row")


class Page(msgspec.Struct, Generic[Row]):
    """A page of a list; `next` is the address of the next one, null on the last."""

    results: list[Row]
    next: Link | None


class Address(Request):
    """The address that an order is shipped to."""

    name: Short = ""
    company: Short = ""
    line1: Short = ""
    line2: Short = ""
    city: Short = ""
    region: Short = ""
    postal_code: Tiny = ""
    country: Country = ""
    phone: Tiny = ""
