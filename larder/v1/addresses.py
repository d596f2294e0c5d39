"""The customer's addresses, for an app to fill `ship_to` from."""

from dataclasses import asdict
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from msgspec import UNSET

from larder.core.clock import now
from larder.db.idempotency import RETENTION, fingerprint
from larder.http import pagination
from larder.identity import queries
from larder.identity.caller import Caller
from larder.identity.queries import ADDRESS_FIELDS, AddressRow
from larder.identity.services import addresses
from larder.v1 import address_shapes as shapes
from larder.v1.http import (
    PageParameters,
    claim,
    no_content,
    read_page,
    reply_created,
    reply_tagged,
    version_wanted,
)
from larder.v1.operations import CACHED, KEYED, LOCATED, OWN_VERSIONED, TAGGED, operation


class AddressPlace(pagination.Place, array_like=True, tag="addresses"):
    """Where a page of addresses ended."""

    id: UUID


@operation(tag="me", answers={200: shapes.AddressPage, 304: None}, traits=[CACHED])
def list_addresses(request: HttpRequest, caller: Caller, query: PageParameters) -> HttpResponse:
    """A page of the caller's addresses, oldest first."""

    def find(place: AddressPlace | None, rows: int) -> list[AddressRow]:
        return queries.addresses(caller.id, after=place.id if place else None, limit=rows)

    results, link = read_page(request, query, AddressPlace, find, _place)
    return reply_tagged(request, shapes.AddressPage([_shown(one) for one in results], link))


@operation(
    tag="me",
    answers={201: shapes.KeptAddress},
    problems=["not_found", "too_many_addresses"],
    traits=[KEYED, LOCATED, TAGGED],
)
def add_address(request: HttpRequest, caller: Caller, body: shapes.NewAddress) -> HttpResponse:
    """Keeps an address; at most 50."""
    moment, fields = now(), msgspec.to_builtins(body)
    added = addresses.add_address(
        caller,
        fields,
        now=moment,
        claim=claim(request, caller, fingerprint(fields), expires_at=moment + RETENTION),
    )
    found = queries.address(caller.id, UUID(added.result))
    return reply_created(
        request,
        _shown(found),
        location=f"{request.path}/{found.id}",
        version=found.version,
        replayed=added.replayed,
    )


@operation(
    tag="me", answers={200: shapes.KeptAddress, 304: None}, problems=["not_found"], traits=[CACHED]
)
def get_address(request: HttpRequest, caller: Caller, address: UUID) -> HttpResponse:
    """One of the caller's addresses."""
    return _answer(request, caller, address)


@operation(
    tag="me",
    answers={200: shapes.KeptAddress},
    problems=["not_found"],
    traits=[OWN_VERSIONED, TAGGED],
)
def change_address(
    request: HttpRequest, caller: Caller, address: UUID, body: shapes.AddressFields
) -> HttpResponse:
    """Changes the fields given. Orders keep the address they were placed with."""
    given = {name: getattr(body, name) for name in ADDRESS_FIELDS}
    fields = {name: value for name, value in given.items() if value is not UNSET}
    version = version_wanted(request)
    addresses.change_address(caller.id, address, fields, version=version)
    return _answer(request, caller, address)


@operation(tag="me", answers={204: None}, problems=["not_found"], traits=[OWN_VERSIONED])
def delete_address(request: HttpRequest, caller: Caller, address: UUID) -> HttpResponse:
    """Forgets an address. Orders keep the address they were placed with."""
    version = version_wanted(request)
    addresses.delete_address(caller.id, address, version=version)
    return no_content()


def _answer(request: HttpRequest, caller: Caller, address: UUID) -> HttpResponse:
    found = queries.address(caller.id, address)
    return reply_tagged(request, _shown(found), version=found.version)


def _place(found: AddressRow) -> AddressPlace:
    return AddressPlace(found.id)


def _shown(found: AddressRow) -> shapes.KeptAddress:
    return shapes.KeptAddress(**asdict(found))
