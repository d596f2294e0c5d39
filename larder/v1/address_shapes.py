"""The bodies of a customer's addresses."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from larder.core.limits import MAX_LABEL_LENGTH
from larder.v1 import shapes
from larder.v1.shapes import Country, Link, Request, Short, Tiny

Label = Annotated[
    str, Meta(max_length=MAX_LABEL_LENGTH, description="For its owner to know it by.")
]


class NewAddress(shapes.Address, kw_only=True):
    """An address to keep: the fields of an order's `ship_to`, and a label."""

    label: Label = ""


class AddressFields(Request):
    """What is changed of an address; only the fields given are."""

    label: Label | UnsetType = UNSET
    name: Short | UnsetType = UNSET
    company: Short | UnsetType = UNSET
    line1: Short | UnsetType = UNSET
    line2: Short | UnsetType = UNSET
    city: Short | UnsetType = UNSET
    region: Short | UnsetType = UNSET
    postal_code: Tiny | UnsetType = UNSET
    country: Country | UnsetType = UNSET
    phone: Tiny | UnsetType = UNSET


class KeptAddress(msgspec.Struct):
    """One of the customer's addresses."""

    id: UUID
    label: str
    name: str
    company: str
    line1: str
    line2: str
    city: str
    region: str
    postal_code: str
    country: str
    phone: str
    version: int


class AddressPage(msgspec.Struct):
    """A page of addresses, oldest first."""

    results: list[KeptAddress]
    next: Link | None
