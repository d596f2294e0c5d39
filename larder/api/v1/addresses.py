"""The customer's addresses, for an app to fill `ship_to` from."""

from dataclasses import asdict
from uuid import UUID

import msgspec
from django.http import HttpResponse
from msgspec import UNSET
from rest_framework.request import Request

from larder.api import pagination
from larder.api.v1 import address_shapes as shapes
from larder.api.v1.bodies import read_body
from larder.api.v1.http import (
    Endpoint,
    PageParameters,
    caller,
    claim,
    no_content,
    read_page,
    reply_created,
    reply_tagged,
    version_wanted,
)
from larder.api.v1.operations import CACHED, KEYED, LOCATED, OWN_VERSIONED, TAGGED, operation
from larder.common.clock import now
from larder.common.idempotency import RETENTION, fingerprint
from larder.identity import queries
from larder.identity.queries import ADDRESS_FIELDS, AddressRow
from larder.identity.services import addresses


class AddressPlace(pagination.Place, array_like=True, tag="addresses"):
    """Where a page of addresses ended."""

    id: UUID


class Addresses(Endpoint):
    @operation(
        "list_addresses",
        tag="me",
        parameters=PageParameters,
        answers={200: shapes.AddressPage, 304: None},
        traits=[CACHED],
    )
    def get(self, request: Request) -> HttpResponse:
        """A page of the caller's addresses, oldest first."""
        who = caller(request).id

        def find(place: AddressPlace | None, rows: int) -> list[AddressRow]:
            return queries.addresses(who, after=place.id if place else None, limit=rows)

        results, link = read_page(request, AddressPlace, find, _place)
        return reply_tagged(request, shapes.AddressPage([_shown(one) for one in results], link))

    @operation(
        "add_address",
        tag="me",
        body=shapes.NewAddress,
        answers={201: shapes.KeptAddress},
        problems=["not_found", "too_many_addresses"],
        traits=[KEYED, LOCATED, TAGGED],
    )
    def post(self, request: Request) -> HttpResponse:
        """Keeps an address; at most 50."""
        body, who, moment = read_body(request, shapes.NewAddress), caller(request), now()
        fields = msgspec.to_builtins(body)
        added = addresses.add_address(
            who,
            fields,
            now=moment,
            claim=claim(request, fingerprint(fields), expires_at=moment + RETENTION),
        )
        found = queries.address(who.id, UUID(added.result))
        return reply_created(
            request,
            _shown(found),
            location=f"{request.path}/{found.id}",
            version=found.version,
            replayed=added.replayed,
        )


class Address(Endpoint):
    @operation(
        "get_address",
        tag="me",
        answers={200: shapes.KeptAddress, 304: None},
        problems=["not_found"],
        traits=[CACHED],
    )
    def get(self, request: Request, address: UUID) -> HttpResponse:
        """One of the caller's addresses."""
        return _answer(request, address)

    @operation(
        "change_address",
        tag="me",
        body=shapes.AddressFields,
        answers={200: shapes.KeptAddress},
        problems=["not_found"],
        traits=[OWN_VERSIONED, TAGGED],
    )
    def patch(self, request: Request, address: UUID) -> HttpResponse:
        """Changes the fields given. Orders keep the address they were placed with."""
        body = read_body(request, shapes.AddressFields)
        given = {name: getattr(body, name) for name in ADDRESS_FIELDS}
        fields = {name: value for name, value in given.items() if value is not UNSET}
        version = version_wanted(request)
        addresses.change_address(caller(request).id, address, fields, version=version)
        return _answer(request, address)

    @operation(
        "delete_address",
        tag="me",
        answers={204: None},
        problems=["not_found"],
        traits=[OWN_VERSIONED],
    )
    def delete(self, request: Request, address: UUID) -> HttpResponse:
        """Forgets an address. Orders keep the address they were placed with."""
        version = version_wanted(request)
        addresses.delete_address(caller(request).id, address, version=version)
        return no_content()


def _answer(request: Request, address: UUID) -> HttpResponse:
    found = queries.address(caller(request).id, address)
    return reply_tagged(request, _shown(found), version=found.version)


def _place(found: AddressRow) -> AddressPlace:
    return AddressPlace(found.id)


def _shown(found: AddressRow) -> shapes.KeptAddress:
    return shapes.KeptAddress(**asdict(found))
