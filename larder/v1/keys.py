"""Long-lived keys: credentials for programs, which nobody logs in for."""

from typing import Annotated
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from msgspec import Meta

from larder.core.clock import now
from larder.core.limits import MAX_KEY_NAME_LENGTH
from larder.db.idempotency import RETENTION, fingerprint
from larder.http import pagination
from larder.identity import queries
from larder.identity.caller import Caller
from larder.identity.queries import KeyRow
from larder.identity.services import keys
from larder.v1.http import (
    PageParameters,
    claim,
    no_content,
    read_page,
    replay_headers,
    reply,
    reply_tagged,
)
from larder.v1.operations import CACHED, KEYED, operation
from larder.v1.shapes import Link, Request, Time


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


class KeyPlace(pagination.Place, array_like=True, tag="keys"):
    """Where a page of keys ended."""

    id: UUID


@operation(tag="auth", answers={200: KeyPage, 304: None}, traits=[CACHED], is_short=True)
def list_keys(request: HttpRequest, caller: Caller, query: PageParameters) -> HttpResponse:
    """A page of the caller's live keys, oldest first; never the keys themselves."""

    def find(after: UUID | None, rows: int) -> list[KeyRow]:
        return queries.keys(caller.id, after=after, limit=rows)

    results, link = read_page(request, query, KeyPlace, find)
    return reply_tagged(request, KeyPage([_shown(one) for one in results], link))


@operation(
    tag="auth",
    answers={201: MadeKey},
    problems=["not_found", "too_many_keys"],
    traits=[KEYED],
    is_short=True,
)
def create_key(request: HttpRequest, caller: Caller, body: NewKey) -> HttpResponse:
    """Makes a key. It is shown this once: a repeat with the same Idempotency-Key has null."""
    moment = now()
    made = keys.create_key(
        caller,
        body.name,
        now=moment,
        claim=claim(request, caller, fingerprint(body.name), expires_at=moment + RETENTION),
    )
    row = queries.key(caller.id, made.id)
    headers = replay_headers(replayed=made.replayed)
    answer = MadeKey(row.id, row.name, made.text, row.created_at)
    return reply(answer, status=201, headers=headers)


@operation(tag="auth", answers={204: None}, problems=["not_found"])
def delete_key(request: HttpRequest, caller: Caller, key: UUID) -> HttpResponse:
    """Ends a key at once."""
    keys.delete_key(caller.id, key, now=now())
    return no_content()


def _shown(found: KeyRow) -> Key:
    return Key(found.id, found.name, found.derived, found.created_at)
