"""API keys: long-lived credentials for programs."""

from functools import partial
from typing import Annotated
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from msgspec import Meta

from larder.core.clock import now
from larder.core.limits import MAX_KEY_NAME_LENGTH, MAX_KEY_PERMISSIONS, MAX_WORD_LENGTH
from larder.core.parts import first
from larder.db.idempotency import RETENTION, fingerprint
from larder.http.idempotency import replay_headers
from larder.identity.caller import Caller
from larder.identity.queries import credentials
from larder.identity.services import keys
from larder.v1.http import (
    PageParameters,
    UuidCursor,
    claim,
    no_content,
    reply,
    reply_page,
    shaped,
)
from larder.v1.operations import CACHED, KEYED, QUOTA, Declaration
from larder.v1.shapes import Id, Page, Request, Time

operation = partial(Declaration, tag="auth")

Permission = Annotated[
    str, Meta(max_length=MAX_WORD_LENGTH, examples=["orders.view_order", "catalog.change_product"])
]


class NewKey(Request):
    """An API key to create; its owner chooses `name`. The caller must have the `permissions`. Null:
    all permissions of the owner, or of the caller's key, and no end, or that of the caller's key.
    """

    name: Annotated[str, Meta(max_length=MAX_KEY_NAME_LENGTH)] = ""
    permissions: Annotated[list[Permission], Meta(max_length=MAX_KEY_PERMISSIONS)] | None = None
    expires_at: Time | None = None


class Key(msgspec.Struct):
    """An API key. It has only these `permissions` of staff, and only while its owner has them; null
    means all of them. `expires_at` is null without an end, and `last_used_at`, which is noted once
    in ten minutes, without a known use. `derived`: the key that an earlier contract gives its
    clients as a token."""

    id: UUID
    name: str
    derived: bool
    permissions: list[str] | None
    created_at: Time
    expires_at: Time | None
    last_used_at: Time | None


class MadeKey(Key):
    """A new key. `key` is shown only once: in answers to repeats it is null."""

    key: str | None


class KeyPage(Page[Key]):
    """A page of live keys, oldest first."""


class KeyParameters(PageParameters, kw_only=True):
    """Filters of the keys."""

    customer: Annotated[
        Id | None, Meta(description="Staff: the keys of the account with this id.")
    ] = None


@operation(
    for_others="identity.view_key",
    answers={200: KeyPage},
    problems=["not_staff"],
    traits=[CACHED],
    is_short=True,
)
def list_keys(
    request: HttpRequest, caller: Caller, query: KeyParameters, cursor: UuidCursor | None
) -> HttpResponse:
    """A page of the caller's live keys, oldest first, without their secrets.

    Staff use `customer` for the keys of another account.
    """
    owner = caller.id if query.customer is None else query.customer
    if owner != caller.id:
        caller.require("identity.view_key")
    rows = credentials.keys(owner, after=cursor.id if cursor else None, limit=query.rows + 1)
    shown = partial(shaped, kind=Key)
    return reply_page(request, first(rows, query.rows), UuidCursor, shown, KeyPage)


@operation(
    key_permission="identity.change_customer",
    answers={201: MadeKey},
    problems=["not_found", "too_many_keys", "permission_missing"],
    traits=[KEYED, QUOTA],
    is_short=True,
    example={"name": "a program of mine"},
)
def create_key(request: HttpRequest, caller: Caller, body: NewKey) -> HttpResponse:
    """Creates a key. It is shown only once: a repeat with the same Idempotency-Key has null."""
    moment, limits = now(), (body.permissions, body.expires_at)
    # The same as before limits were added, so that repeats are recognized after an upgrade.
    content = fingerprint(body.name, *(() if limits == (None, None) else limits))
    key = keys.create_key(
        caller,
        body.name,
        now=moment,
        claim=claim(request, caller, content, expires_at=moment + RETENTION),
        limits=keys.Limits(permissions=body.permissions, expires_at=body.expires_at),
    )
    row = credentials.key(caller.id, key.id)
    headers = replay_headers(replayed=key.replayed)
    return reply(shaped(row, MadeKey, key=key.text), status=201, headers=headers)


@operation(
    for_others="identity.delete_key",
    key_permission="",  # a key may end itself: the function checks it
    answers={204: None},
    problems=["not_found", "not_staff"],
)
def delete_key(request: HttpRequest, caller: Caller, key: UUID) -> HttpResponse:
    """Ends a key at once. Staff can also end keys of other accounts."""
    if key != caller.key:
        caller.require_named("identity.delete_key")
    keys.delete_key(key, caller=caller, of_any=caller.may(keys.DELETE), now=now())
    return no_content()
