"""The customer's own account: its profile, its sessions and its addresses."""

from collections.abc import Iterable
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import msgspec
from django.http import HttpRequest
from msgspec import UNSET, Meta, UnsetType

from larder.core.clock import now
from larder.core.limits import MAX_LABEL_LENGTH
from larder.core.structs import with_fields
from larder.http import throttling
from larder.http.shop import former_address_notifier
from larder.identity import queries
from larder.identity.caller import Caller
from larder.identity.queries import Profile, credentials
from larder.identity.services import accounts, addresses, sessions
from larder.v1.http import Answer, Listed, PageParameters, UuidCursor, claim, shaped
from larder.v1.operations import CACHED, KEYED, LOCATED, OWN_VERSIONED, QUOTA, TAGGED, Declaration
from larder.v1.shapes import Address, Email, Id, Page, PersonName, Request, Time, Username

operation = partial(Declaration, tag="me")
viewing = partial(operation, key_permission="identity.view_customer", traits=[CACHED])
changing = partial(operation, key_permission="identity.change_customer")


class Me(msgspec.Struct):
    """An account. `may_order`: whether it may place orders."""

    id: Id
    public_id: UUID
    username: str
    email: str
    first_name: str
    last_name: str
    may_order: bool
    is_staff: bool
    permissions: Annotated[
        list[str],
        Meta(description="The permissions of staff with this token or key. Customers: empty."),
    ]
    date_joined: Time


class ProfileFields(Request):
    """The fields of an account that its customer can change. Only given fields are changed."""

    username: Username | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    first_name: PersonName | UnsetType = UNSET
    last_name: PersonName | UnsetType = UNSET


@operation(answers={200: Me}, problems=["not_found"], traits=[CACHED])
def get_me(caller: Caller) -> Answer:
    """The account of the token or key."""
    return _answer(caller)


@changing(
    answers={200: Me},
    problems=[
        *("not_found", "username_taken", "email_taken"),
        *("permission_missing", "second_factor_required"),
    ],
    traits=[OWN_VERSIONED, TAGGED],
    example={"first_name": "Ada", "last_name": "Guest"},
)
def change_me(
    request: HttpRequest, caller: Caller, body: ProfileFields, version: int | None
) -> Answer:
    """Changes the username, the email address, or the names of the person."""
    fields = msgspec.to_builtins(body)
    with throttling.change_profile(request, caller, caller.id, fields):
        notify = former_address_notifier(now())
        accounts.change_profile(caller.id, fields, caller=caller, version=version, notify=notify)
    return _answer(caller)


@operation(
    key_permission="identity.delete_customer",
    answers={204: None},
    problems=["last_owner", "permission_missing", "second_factor_required"],
    traits=[OWN_VERSIONED],
)
def delete_me(caller: Caller, version: int | None) -> None:
    """Deletes the account and its personal data. Its orders stay; its tokens and keys end."""
    accounts.delete_account(caller.id, caller=caller, version=version, now=now())


def _answer(caller: Caller) -> Answer:
    profile = queries.profile(caller.id)
    return Answer(shown(profile, caller.permissions), version=profile.version)


def shown(profile: Profile, permissions: Iterable[str] = ()) -> Me:
    """Returns a profile as the API shows it."""
    return shaped(profile, Me, permissions=sorted(permissions))


class Session(msgspec.Struct):
    """A log-in. `client` is the `User-Agent` of the program that logged in, at most 200 characters.
    `last_used_at` is the time of the last refresh. `current`: the log-in of this request."""

    id: UUID
    client: str
    current: bool
    created_at: Time
    last_used_at: Time
    expires_at: Time


class SessionPage(Page[Session]):
    """A page of active log-ins, oldest first."""


@viewing(answers={200: SessionPage})
def list_sessions(caller: Caller, query: PageParameters, cursor: UuidCursor | None) -> Listed:
    """A page of the caller's active log-ins, oldest first."""
    after, own = cursor.id if cursor else None, credentials.log_ins(caller.id, now=now())
    return Listed(own.page(after=after, limit=query.rows), partial(_log_in, caller))


@changing(answers={204: None})
def end_sessions(caller: Caller) -> None:
    """Ends all log-ins of the caller except the one of this request."""
    sessions.end_others(caller.id, keep=caller.session, now=now())


@viewing(answers={200: Session})
def get_session(caller: Caller, session: UUID) -> Session:
    """One of the caller's log-ins."""
    return _log_in(caller, credentials.log_ins(caller.id, now=now()).row(session))


@changing(answers={204: None})
def end_session(caller: Caller, session: UUID) -> None:
    """Ends one of the caller's log-ins; it may be the one of this request."""
    sessions.end_own(caller.id, session, now=now())


def _log_in(who: Caller, log_in: Any) -> Session:
    is_current = log_in.id == who.session
    return shaped(log_in, Session, current=is_current, last_used_at=log_in.rotated_at)


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


@viewing(answers={200: AddressPage})
def list_addresses(caller: Caller, query: PageParameters, cursor: UuidCursor | None) -> Listed:
    """A page of the caller's addresses, oldest first."""
    after, own = cursor.id if cursor else None, queries.addresses(caller.id)
    return Listed(own.page(after=after, limit=query.rows), _shown_address)


@changing(
    answers={201: KeptAddress},
    problems=["not_found", "too_many_addresses"],
    traits=[KEYED, LOCATED, TAGGED, QUOTA],
    example={"label": "Home", "name": "Ada Guest", "line1": "12 St James's Sq", "city": "London"},
)
def add_address(request: HttpRequest, caller: Caller, body: NewAddress) -> Answer:
    """Stores an address; an account has at most 50."""
    fields = msgspec.to_builtins(body)
    id, replayed = addresses.add_address(
        caller,
        fields,
        now=now(),
        claim=claim(request, caller, fields),
    )
    return Answer(_shown_address(queries.addresses(caller.id).row(UUID(id))), replayed)


@viewing(answers={200: KeptAddress})
def get_address(caller: Caller, address: UUID) -> KeptAddress:
    """One of the caller's addresses."""
    return _shown_address(queries.addresses(caller.id).row(address))


@changing(
    answers={200: KeptAddress},
    traits=[OWN_VERSIONED, TAGGED],
    example={"postal_code": "SW1Y 4JH"},
)
def change_address(
    caller: Caller, address: UUID, body: AddressFields, version: int | None
) -> KeptAddress:
    """Changes the given fields of an address. Orders keep the address they were placed with."""
    addresses.change_address(caller, address, msgspec.to_builtins(body), version=version)
    return _shown_address(queries.addresses(caller.id).row(address))


@changing(answers={204: None}, traits=[OWN_VERSIONED])
def delete_address(caller: Caller, address: UUID, version: int | None) -> None:
    """Deletes an address. Orders keep the address they were placed with."""
    addresses.delete_address(caller, address, version=version)


_shown_address = partial(shaped, kind=KeptAddress)
