r"""The bodies of v1, declared once: what is read, what is written, what OpenAPI shows.

Money is a string, ids of products and customers are integers, times are RFC 3339 in UTC.
Patterns end in \Z, for Python's $ lets a newline follow; OpenAPI shows it as $ (schema.py).
"""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from larder.catalog.fields import FIELDS, NAME, PRICE, SKU, TRIMMED, VISIBLE
from larder.core.limits import (
    COUNTRY_LENGTH,
    MAX_CODE_LENGTH,
    MAX_EMAIL_LENGTH,
    MAX_ID,
    MAX_IDS,
    MAX_KEY_NAME_LENGTH,
    MAX_LINES,
    MAX_PASSWORD_LENGTH,
    MAX_PERSON_NAME_LENGTH,
    MAX_REFRESH_TOKEN_LENGTH,
    MAX_SHORT_TEXT_LENGTH,
    MAX_STOCK,
    MAX_TEXT_LENGTH,
    MAX_UNITS,
    MAX_USERNAME_LENGTH,
)
from larder.core.structs import with_fields

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
    Meta(description="Two decimals, and a third only where it is not zero.", examples=["2.55"]),
]
Status = Annotated[
    str,
    Meta(
        description="More may be added: treat one you do not know as being worked on.",
        examples=["placed", "packed", "shipped", "delivered", "cancelled", "returned"],
    ),
]
Actor = Annotated[
    UUID,
    Meta(
        description="The `public_id` of whoever did it: an order's customer, or a member of staff."
        " All zeros where a command of the shop's own did."
    ),
]
Name = Annotated[str, NAME]
CategoryName = Annotated[str, Meta(min_length=1, max_length=MAX_SHORT_TEXT_LENGTH, **VISIBLE)]
Sku = Annotated[str, SKU]
Username = Annotated[str, Meta(min_length=1, max_length=MAX_USERNAME_LENGTH, **TRIMMED)]
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


class Request(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Base of what is read: a field that is not known is a fault."""


class Register(Request):
    """Who somebody wants to be here."""

    username: Username
    password: Annotated[str, Meta(min_length=1, max_length=MAX_PASSWORD_LENGTH)]
    email: Email = ""
    first_name: PersonName = ""
    last_name: PersonName = ""


class LogIn(Request):
    """Credentials. `refresh`: the last refresh token that the app got for this account, expired or
    not. It opens nothing; with it the log-in is served first while the server is busy."""

    username: Annotated[str, Meta(max_length=MAX_USERNAME_LENGTH)]
    password: Annotated[str, Meta(max_length=MAX_PASSWORD_LENGTH)]
    refresh: Annotated[str, Meta(max_length=MAX_REFRESH_TOKEN_LENGTH)] = ""


class RefreshToken(Request):
    """A refresh token, as it was handed out."""

    refresh: Annotated[str, Meta(max_length=MAX_REFRESH_TOKEN_LENGTH)]


class TokenPair(msgspec.Struct):
    """`expires_in`: seconds that `access` is valid for. `refresh` is valid for 30 days."""

    access: str
    refresh: str
    token_type: str
    expires_in: int


class Me(msgspec.Struct):
    """A customer."""

    id: Id
    public_id: UUID
    username: str
    email: str
    first_name: str
    last_name: str
    may_order: bool
    is_staff: bool
    date_joined: Time


class ProfileFields(Request):
    """What customers change of their accounts; only the fields given are changed."""

    username: Username | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    first_name: PersonName | UnsetType = UNSET
    last_name: PersonName | UnsetType = UNSET


class NewKey(Request):
    """A long-lived key to make; `name` is for its owner to know it by."""

    name: Annotated[str, Meta(max_length=MAX_KEY_NAME_LENGTH)] = ""


class Key(msgspec.Struct):
    """A long-lived key. `derived`: the one that the earlier clients' token requests hand out."""

    id: UUID
    name: str
    derived: bool
    created_at: Time


class MadeKey(msgspec.Struct):
    """A new key. `key` is shown this once: it is null when the request is a repeat."""

    id: UUID
    name: str
    key: str | None
    created_at: Time


class KeyPage(msgspec.Struct):
    """A page of live keys, oldest first."""

    results: list[Key]
    next: Link | None


@with_fields([(one.name, one.shown) for one in FIELDS], behind="quantity")
class Product(msgspec.Struct):
    """A product; `quantity` is how many can be ordered now."""

    id: Id
    public_id: UUID
    sku: str
    name: str
    description: str
    category: Id | None
    price: Money
    currency: str
    quantity: int
    updated_at: Time
    version: int


class ProductPage(msgspec.Struct):
    """A page of products. `count` only where it was asked for."""

    results: list[Product]
    next: Link | None
    count: int | UnsetType = UNSET


@with_fields([(one.name, one.written | UnsetType, UNSET) for one in FIELDS], behind="sku")
class ProductFields(Request):
    """What staff can change of a product; only the fields given are changed."""

    sku: Sku | UnsetType = UNSET


class NewProduct(ProductFields, kw_only=True):
    """A new product; `quantity` is its opening stock."""

    sku: Sku
    name: Name
    price: Price
    quantity: Units = 0


class Category(msgspec.Struct):
    """A category; `parent` is the one above it."""

    id: Id
    name: str
    parent: Id | None
    version: int


class CategoryPage(msgspec.Struct):
    """A page of categories."""

    results: list[Category]
    next: Link | None


class NewCategory(Request):
    """A new category."""

    name: CategoryName
    parent: Id | None = None


class CategoryFields(Request):
    """What staff can change of a category."""

    name: CategoryName | UnsetType = UNSET
    parent: Id | UnsetType | None = UNSET


class Address(Request):
    """Where an order goes."""

    name: Short = ""
    company: Short = ""
    line1: Short = ""
    line2: Short = ""
    city: Short = ""
    region: Short = ""
    postal_code: Tiny = ""
    country: Country = ""
    phone: Tiny = ""


class NewLine(Request):
    """A line to order. With `expected_price` it is refused at any other price."""

    product: Id
    quantity: Quantity
    expected_price: Price | None = None


class NewOrder(Request):
    """An order to place. `id`, if sent, makes the request safe to repeat."""

    lines: Annotated[list[NewLine], Meta(min_length=1, max_length=MAX_LINES)]
    id: UUID | None = None
    note: Text = ""
    reference: Short = ""
    ship_to: Address | None = None
    requested_for: date | None = None
    customer: Id | None = None


class OrderLine(msgspec.Struct):
    """A line as it was sold, at the price of the moment of placing. Of `ordered` units fewer may
    have been picked: `quantity` is what counts."""

    product: Id
    sku: str
    name: str
    ordered: int
    quantity: int
    unit_price: Money
    line_total: Money
    returned: int


class Order(msgspec.Struct):
    """An order as it stands. `customer` is the `id` of the account it belongs to."""

    id: UUID
    number: Number
    customer: Id
    status: Status
    currency: str
    total: Money
    note: str
    reference: str
    ship_to: Address | None
    requested_for: date | None
    placed_at: Time
    updated_at: Time
    version: int
    lines: list[OrderLine]


class OrderPage(msgspec.Struct):
    """A page of orders, newest first, with at most 5,000 lines: it may be shorter than `limit`.
    `count` only where it was asked for."""

    results: list[Order]
    next: Link | None
    count: int | UnsetType = UNSET
