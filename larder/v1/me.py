"""The customer's own account."""

from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from msgspec import UNSET, Meta, UnsetType

from larder.core.clock import now
from larder.http import throttling
from larder.http.shop import former_address_notifier
from larder.identity import queries
from larder.identity.caller import Caller
from larder.identity.queries import Profile
from larder.identity.services import accounts
from larder.v1.http import no_content, reply_tagged, version_wanted
from larder.v1.operations import CACHED, OWN_VERSIONED, TAGGED, operation
from larder.v1.shapes import Email, Id, PersonName, Request, Time, Username


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


@operation(tag="me", answers={200: Me, 304: None}, problems=["not_found"], traits=[CACHED])
def get_me(request: HttpRequest, caller: Caller) -> HttpResponse:
    """The account of the token or key."""
    return _answer(request, caller)


@operation(
    tag="me",
    key_permission="identity.change_customer",
    answers={200: Me},
    problems=[
        *("not_found", "username_taken", "email_taken"),
        *("permission_missing", "second_factor_required"),
    ],
    traits=[OWN_VERSIONED, TAGGED],
    example={"first_name": "Ada", "last_name": "Guest"},
)
def change_me(request: HttpRequest, caller: Caller, body: ProfileFields) -> HttpResponse:
    """Changes the username, the email address, or the names of the person."""
    values = {name: getattr(body, name) for name in accounts.CHANGEABLE}
    fields = {name: value for name, value in values.items() if value is not UNSET}
    with throttling.change_profile(request, caller, caller.id, fields):
        moment, terms = now(), _terms(request, caller)
        notify = former_address_notifier(moment)
        accounts.change_profile(caller.id, fields, now=moment, terms=terms, notify=notify)
    return _answer(request, caller)


@operation(
    tag="me",
    key_permission="identity.delete_customer",
    answers={204: None},
    problems=["last_owner", "permission_missing", "second_factor_required"],
    traits=[OWN_VERSIONED],
)
def delete_me(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Deletes the account and its personal data. Its orders stay; its tokens and keys end."""
    accounts.delete_account(caller.id, now=now(), terms=_terms(request, caller))
    return no_content()


def _terms(request: HttpRequest, caller: Caller) -> accounts.Terms:
    return accounts.Terms(caller=caller, version=version_wanted(request))


def _answer(request: HttpRequest, caller: Caller) -> HttpResponse:
    profile = queries.profile(caller.id)
    return reply_tagged(request, shown(profile, caller.permissions), version=profile.version)


def shown(profile: Profile, permissions: Iterable[str] = ()) -> Me:
    """Returns a profile as the API shows it."""
    return Me(
        id=profile.id,
        public_id=profile.public_id,
        username=profile.username,
        email=profile.email,
        first_name=profile.first_name,
        last_name=profile.last_name,
        may_order=profile.may_order,
        is_staff=profile.is_staff,
        permissions=sorted(permissions),
        date_joined=profile.date_joined,
    )
