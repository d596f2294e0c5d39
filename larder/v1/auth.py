"""Registering, logging in, refreshing, revoking; passwords: changed with the current password, or
reset with the token of a mail; API keys: long-lived credentials for programs."""

from functools import partial
from typing import Annotated
from uuid import UUID

import msgspec
from django.conf import settings
from django.http import HttpRequest
from msgspec import UNSET, Meta, UnsetType

from larder.core.clock import now
from larder.core.errors import InvalidInput
from larder.core.limits import (
    MAX_EMAIL_LENGTH,
    MAX_KEY_NAME_LENGTH,
    MAX_PASSWORD_LENGTH,
    MAX_RESET_TOKEN_LENGTH,
    MAX_USERNAME_LENGTH,
    MAX_WORD_LENGTH,
)
from larder.db.idempotency import Outcome
from larder.http import throttling
from larder.http.authentication import secrets, signer
from larder.identity import queries
from larder.identity.caller import Caller
from larder.identity.queries import credentials
from larder.identity.services import accounts, keys, passwords, sessions
from larder.identity.services.accounts import NewCustomer
from larder.identity.services.sessions import Credentials, Pair
from larder.identity.tokens import V1
from larder.notifications.errors import MailOff
from larder.relay.services.account_mails import PASSWORD_RESET, queue_mail
from larder.v1.http import Answer, Listed, PageParameters, UuidCursor, claim, shaped
from larder.v1.me import Me, shown
from larder.v1.operations import CACHED, KEYED, QUOTA, Declaration
from larder.v1.shapes import Page, PersonName, Request, Time, Username

MAX_REFRESH_TOKEN_LENGTH = 4_096

MAX_KEY_PERMISSIONS = 100
"""The permissions that a request names for a key: more than there are."""

operation = partial(Declaration, tag="auth")
open_operation = partial(operation, token=False)

Password = Annotated[str, Meta(min_length=1, max_length=MAX_PASSWORD_LENGTH)]


class Register(Request):
    """The username and the password of a new account, and its owner's names. `tokens`: log in
    too."""

    username: Username
    password: Password
    email: Annotated[str, Meta(max_length=MAX_EMAIL_LENGTH)] = ""
    first_name: PersonName = ""
    last_name: PersonName = ""
    tokens: bool = False


class LogIn(Request):
    """Credentials. `refresh`: the last refresh token that the app received for this account, also
    if it has expired. It grants nothing. Wrong passwords that others try do not delay a log-in
    with it."""

    username: Annotated[str, Meta(max_length=MAX_USERNAME_LENGTH)]
    password: Annotated[str, Meta(max_length=MAX_PASSWORD_LENGTH)]
    refresh: Annotated[str, Meta(max_length=MAX_REFRESH_TOKEN_LENGTH)] = ""


class RefreshToken(Request):
    """A refresh token, unchanged."""

    refresh: Annotated[str, Meta(max_length=MAX_REFRESH_TOKEN_LENGTH)]


class TokenPair(msgspec.Struct):
    """An access token and a refresh token. `access` is valid for `expires_in` seconds, `refresh`
    for 30 days."""

    access: str
    refresh: str
    token_type: str
    expires_in: int


class Registered(Me):
    """A new customer; with `tokens`, also those of a first log-in."""

    tokens: TokenPair | UnsetType = UNSET


@open_operation(
    answers={201: Registered},
    problems=["username_taken", "email_taken", "registration_closed", "invalid_credentials"],
    traits=[KEYED],
    example={"username": "ada", "password": "correct horse battery staple"},
)
def register(request: HttpRequest, body: Register) -> Answer:
    """Creates a customer account. With `tokens`, each repeat logs in too."""
    fields = {name: getattr(body, name) for name in accounts.CHANGEABLE}
    requested = NewCustomer(password=body.password, **fields)
    # A faulty attempt counts for no limit.
    if faults := accounts.faults(requested):
        raise InvalidInput(faults)
    claimed = claim(request, None, *fields.values())
    with throttling.attempted(request, "register", body.username):
        registered = accounts.register(
            requested, policy=settings.REGISTRATION, now=now(), claim=claimed
        )
    tokens = _first_tokens(request, body, registered) if body.tokens else UNSET
    profile = shown(queries.profile(registered.id))
    answer = Registered(**msgspec.structs.asdict(profile), tokens=tokens)
    return Answer(answer, registered.replayed)


def _first_tokens(request: HttpRequest, body: Register, registered: Outcome) -> TokenPair:
    """Checks the password of a repeat only: a registration that was stored is not refused."""
    if registered.replayed:
        return _log_in(request, body.username, body.password)
    client = request.META.get("HTTP_USER_AGENT", "")
    return _shown(sessions.begin(registered.id, client, policy=V1, signer=signer(), now=now()))


@open_operation(
    answers={200: TokenPair},
    problems=["invalid_credentials"],
    example={"username": "demo", "password": "demo"},
)
def log_in(request: HttpRequest, body: LogIn) -> TokenPair:
    """Exchanges a username and password for an access and a refresh token."""
    return _log_in(request, body.username, body.password, body.refresh)


def _log_in(request: HttpRequest, username: str, password: str, refresh: str = "") -> TokenPair:
    credentials = Credentials(username, password, request.META.get("HTTP_USER_AGENT", ""))
    is_proven = bool(refresh) and throttling.is_token_of(refresh, username)
    with throttling.attempted(request, "log in", username, is_proven=is_proven):
        return _shown(sessions.log_in(credentials, policy=V1, signer=signer(), now=now()))


@open_operation(
    answers={200: TokenPair},
    problems=["token_invalid", "token_expired", "session_ended"],
    example={"refresh": "the refresh token, unchanged"},
)
def refresh_token(request: HttpRequest, body: RefreshToken) -> TokenPair:
    """Exchanges a refresh token for a new pair. Until the new refresh token is used, a repeat with
    the old one returns the same pair for 60 s, and after that one more new pair."""
    with throttling.refresh(request, body.refresh, policy=V1):
        return _shown(sessions.refresh(body.refresh, policy=V1, signer=signer(), now=now()))


@open_operation(
    answers={204: None},
    problems=["token_invalid"],
    example={"refresh": "the refresh token, unchanged"},
)
def revoke_token(body: RefreshToken) -> None:
    """Ends the session of a refresh token; its access token is refused within 30 seconds."""
    sessions.end_session(signer().read_refresh(body.refresh, V1), now=now())


def _shown(pair: Pair) -> TokenPair:
    return TokenPair(pair.access, pair.refresh, "Bearer", int(V1.access.total_seconds()))


class PasswordChange(Request):
    """The current password and the new one."""

    current_password: Annotated[str, Meta(max_length=MAX_PASSWORD_LENGTH)]
    new_password: Password


class PasswordReset(Request):
    """The email address of the account, to which the mail is sent."""

    email: Annotated[
        str,
        Meta(
            max_length=MAX_EMAIL_LENGTH,
            pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+\Z",
            extra={"form": "Expected an address such as ada@example.com."},
        ),
    ]


class NewPassword(Request):
    """The token of the mail and the new password."""

    reset_token: Annotated[str, Meta(max_length=MAX_RESET_TOKEN_LENGTH)]
    new_password: Password


@operation(
    key_permission="identity.change_customer",
    answers={204: None},
    problems=["wrong_password", "second_factor_required"],
    is_short=True,
    example={"current_password": "correct horse", "new_password": "a horse of another colour"},
)
def change_password(request: HttpRequest, caller: Caller, body: PasswordChange) -> None:
    """Changes the caller's password; the caller's other log-ins end."""
    username = queries.profile(caller.id).username
    with throttling.attempted(request, "log in", username, is_proven=True):
        passwords.change_password(
            caller, current=body.current_password, new=body.new_password, now=now()
        )


@open_operation(
    answers={202: None},
    problems=["mail_off"],
    example={"email": "ada@example.com"},
)
def reset_password(request: HttpRequest, body: PasswordReset) -> None:
    """Sends a mail with which a new password can be set. The answer is the same for unknown
    addresses."""
    if not settings.EMAIL_URL:
        raise MailOff
    email, moment = body.email, now()
    notify = partial(queue_mail, PASSWORD_RESET, now=moment)
    with throttling.attempted(request, "reset", email):
        passwords.request_reset(email, notify=notify, now=moment)


@open_operation(
    answers={204: None},
    problems=["reset_token_invalid"],
    example={"reset_token": "the token in the mail", "new_password": "a horse of two colours"},
)
def set_forgotten_password(request: HttpRequest, body: NewPassword) -> None:
    """Sets a new password with the token of a mail; all log-ins and all keys end."""
    with throttling.attempted(request, "confirm"):
        passwords.set_forgotten(body.reset_token, body.new_password, secrets=secrets(), now=now())


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


@operation(key_permission="identity.view_key", answers={200: KeyPage}, traits=[CACHED])
def list_keys(caller: Caller, query: PageParameters, cursor: UuidCursor | None) -> Listed:
    """A page of the caller's live keys, oldest first, without their secrets."""
    after, own = cursor.id if cursor else None, credentials.keys(caller.id)
    return Listed(own.page(after=after, limit=query.rows), partial(shaped, kind=Key))


@operation(
    key_permission="identity.change_customer",
    answers={201: MadeKey},
    problems=["not_found", "too_many_keys", "permission_missing"],
    traits=[KEYED, QUOTA],
    is_short=True,
    example={"name": "a program of mine"},
)
def create_key(request: HttpRequest, caller: Caller, body: NewKey) -> Answer:
    """Creates a key. It is shown only once: a repeat with the same Idempotency-Key has null."""
    key = keys.create_key(
        caller,
        body.name,
        now=now(),
        claim=claim(request, caller, body.name, body.permissions, body.expires_at),
        limits=keys.Limits(permissions=body.permissions, expires_at=body.expires_at),
    )
    row = credentials.keys(caller.id).row(key.id)
    return Answer(shaped(row, MadeKey, key=key.text), key.replayed)


@operation(
    for_others="identity.delete_key",
    key_permission="",  # a key may end itself: the function checks it
    answers={204: None},
    problems=["not_staff"],
)
def delete_key(caller: Caller, key: UUID) -> None:
    """Ends a key at once. Staff can also end keys of other accounts."""
    if key != caller.key:
        caller.require_named("identity.delete_key")
    keys.delete_key(key, caller=caller, of_any=caller.may(keys.DELETE), now=now())
