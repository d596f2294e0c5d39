"""The customer's addresses, from which an app fills `ship_to`."""

from functools import partial
from typing import Annotated
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from msgspec import UNSET, Meta, UnsetType

from larder.core.clock import now
from larder.core.limits import MAX_LABEL_LENGTH
from larder.core.parts import first
from larder.core.structs import with_fields
from larder.db.idempotency import RETENTION, fingerprint
from larder.identity import queries
from larder.identity.caller import Caller
from larder.identity.queries import ADDRESS_FIELDS
from larder.identity.services import addresses
from larder.v1.http import (
    PageParameters,
    UuidCursor,
    claim,
    no_content,
    reply_created,
    reply_page,
    reply_tagged,
    shaped,
    version_wanted,
)
from larder.v1.operations import CACHED, KEYED, LOCATED, OWN_VERSIONED, QUOTA, TAGGED, Declaration
from larder.v1.shapes import Address, Page, Request

operation = partial(Declaration, tag="me")

Label = Annotated[
    str, Meta(max_length=MAX_LABEL_LENGTH, description="A name that the owner chooses.")
]


class NewAddress(Address, kw_only=True):
    """An address to store: the fields of an order's `ship_to`, and a label."""

    label: Label = ""


_FIELDS = msgspec.structs.fields(Address)
"""The fields of an order's `ship_to`. The database's columns have the same names."""


@with_fields([(field.name, field.type | UnsetType, UNSET) for field in _FIELDS], behind="label")
class AddressFields(Request):
    """Changes of an address. Only the given fields are changed."""

    label: Label | UnsetType = UNSET


@with_fields([(field.name, str) for field in _FIELDS], behind="label")
class KeptAddress(msgspec.Struct):
    """One of the customer's addresses."""

    id: UUID
    label: str
    version: int


class AddressPage(Page[KeptAddress]):
    """A page of addresses, oldest first."""


@operation(
    key_permission="identity.view_customer",
    answers={200: AddressPage},
    traits=[CACHED],
)
def list_addresses(
    request: HttpRequest, caller: Caller, query: PageParameters, cursor: UuidCursor | None
) -> HttpResponse:
    """A page of the caller's addresses, oldest first."""
    rows = queries.addresses(caller.id, after=cursor.id if cursor else None, limit=query.rows + 1)
    return reply_page(request, first(rows, query.rows), UuidCursor, _shown, AddressPage)


@operation(
    key_permission="identity.change_customer",
    answers={201: KeptAddress},
    problems=["not_found", "too_many_addresses"],
    traits=[KEYED, LOCATED, TAGGED, QUOTA],
    example={
        "label": "Home",
        "name": "Ada Guest",
        "line1": "12 St James's Sq",
        "city": "London",
        "country": "GB",
    },
)
def add_address(request: HttpRequest, caller: Caller, body: NewAddress) -> HttpResponse:
    """Stores an address; an account has at most 50."""
    moment, fields = now(), msgspec.to_builtins(body)
    added = addresses.add_address(
        caller,
        fields,
        now=moment,
        claim=claim(request, caller, fingerprint(fields), expires_at=moment + RETENTION),
    )
    address = queries.address(caller.id, UUID(added.result))
    return reply_created(
        request,
        _shown(address),
        location=f"{request.path}/{address.id}",
        version=address.version,
        replayed=added.replayed,
    )


@operation(
    key_permission="identity.view_customer",
    answers={200: KeptAddress},
    problems=["not_found"],
    traits=[CACHED],
)
def get_address(request: HttpRequest, caller: Caller, address: UUID) -> HttpResponse:
    """One of the caller's addresses."""
    return _answer(request, caller, address)


@operation(
    key_permission="identity.change_customer",
    answers={200: KeptAddress},
    problems=["not_found"],
    traits=[OWN_VERSIONED, TAGGED],
    example={"postal_code": "SW1Y 4JH"},
)
def change_address(
    request: HttpRequest, caller: Caller, address: UUID, body: AddressFields
) -> HttpResponse:
    """Changes the given fields of an address. Orders keep the address they were placed with."""
    values = {name: getattr(body, name) for name in ADDRESS_FIELDS}
    fields = {name: value for name, value in values.items() if value is not UNSET}
    version = version_wanted(request)
    addresses.change_address(caller, address, fields, version=version)
    return _answer(request, caller, address)


@operation(
    key_permission="identity.change_customer",
    answers={204: None},
    problems=["not_found"],
    traits=[OWN_VERSIONED],
)
def delete_address(request: HttpRequest, caller: Caller, address: UUID) -> HttpResponse:
    """Deletes an address. Orders keep the address they were placed with."""
    version = version_wanted(request)
    addresses.delete_address(caller, address, version=version)
    return no_content()


def _answer(request: HttpRequest, caller: Caller, address: UUID) -> HttpResponse:
    row = queries.address(caller.id, address)
    return reply_tagged(request, _shown(row), version=row.version)


_shown = partial(shaped, kind=KeptAddress)
