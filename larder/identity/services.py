"""Every write of identity: registering, opening, refreshing and ending sessions."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Lower

from larder.common import idempotency
from larder.common.errors import AlreadyTaken, Fault, InvalidInput, KeyReused
from larder.common.idempotency import Claim
from larder.identity.caller import Caller
from larder.identity.errors import (
    InvalidCredentials,
    RegistrationClosed,
    SessionEnded,
    TokenExpired,
)
from larder.identity.models import Customer, Session
from larder.identity.tokens import REFRESH_LIFETIME, Refresh, Signer

GRACE = timedelta(seconds=60)
"""How long the immediate predecessor of a refresh token still gets the same successor."""

LONGEST_USERNAME = 150

RegistrationPolicy = Literal["open", "approval", "closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCustomer:
    """What somebody registers with. `password` is the plain text, never stored."""

    username: str
    password: str
    email: str = ""
    first_name: str = ""
    last_name: str = ""


@dataclass(frozen=True, slots=True)
class Registered:
    """The customer's id, and whether this repeats an earlier registration."""

    id: int
    replayed: bool


def register(
    asked: NewCustomer,
    *,
    policy: RegistrationPolicy,
    now: datetime,
    claim: Claim | None = None,
) -> Registered:
    """Makes a customer. With `approval` they may log in and look, but not order yet.

    The same claim with the same username and password gives the same customer again.
    Raises RegistrationClosed, AlreadyTaken, InvalidInput (username, password), KeyReused.
    """
    if policy == "closed":
        raise RegistrationClosed
    customer = Customer(
        username=Customer.normalize_username(asked.username),
        email=asked.email,
        first_name=asked.first_name,
        last_name=asked.last_name,
        may_order=policy == "open",
        date_joined=now,
    )
    _check(customer, asked.password)
    customer.password = make_password(asked.password)
    try:
        with transaction.atomic(durable=True):
            return _insert(customer, asked.password, now=now, claim=claim)
    except IntegrityError as error:
        raise _taken(error) from error


def _insert(customer: Customer, password: str, *, now: datetime, claim: Claim | None) -> Registered:
    def save() -> int:
        customer.save(force_insert=True)
        return customer.pk

    made = idempotency.once(claim, save, now=now)
    if made.replayed:
        return _registered_before(made.result, password)
    return Registered(customer.pk, replayed=False)


def _registered_before(result: str, password: str) -> Registered:
    customer = Customer.objects.get(pk=int(result))
    if not check_password(password, customer.password):
        raise KeyReused
    return Registered(customer.pk, replayed=True)


def _check(customer: Customer, password: str) -> None:
    faults = [*_username_faults(customer), *_password_faults(password, customer)]
    if faults:
        raise InvalidInput(faults)


def _username_faults(customer: Customer) -> list[Fault]:
    """Normalising can make a name longer: U+FDFA becomes eighteen characters."""
    if len(customer.username) <= LONGEST_USERNAME:
        return []
    detail = f"At most {LONGEST_USERNAME} characters in Unicode's normal form KC."
    return [Fault("/username", "too_long", detail)]


def _password_faults(password: str, customer: Customer) -> list[Fault]:
    try:
        validate_password(password, customer)
    except ValidationError as error:
        return [
            Fault("/password", e.code or "invalid", " ".join(e.messages)) for e in error.error_list
        ]
    return []


def _taken(error: IntegrityError) -> AlreadyTaken:
    return AlreadyTaken("email" if "customer_email_unique" in str(error) else "username")


@dataclass(frozen=True, slots=True)
class Pair:
    """What a log-in or a refresh hands out."""

    access: str
    refresh: str


def log_in(*, username: str, password: str, door: str, signer: Signer, now: datetime) -> Pair:
    """Opens a session. One answer, in the same time, for every way of being wrong.

    Raises InvalidCredentials.
    """
    customer = _authenticate(username, password)
    with transaction.atomic(durable=True):
        _still_so(customer)
        session = Session.objects.create(
            customer=customer,
            door=door,
            created_at=now,
            rotated_at=now,
            expires_at=now + REFRESH_LIFETIME,
        )
    return _pair(session, customer, signer, now)


def _still_so(customer: Customer) -> None:
    """Hashing takes its time: whoever changed the password or ended the account meanwhile has
    already ended the sessions there were, and this one would outlive it."""
    rows = Customer.objects.select_for_update(no_key=True).filter(pk=customer.pk, is_active=True)
    if rows.values_list("password", flat=True).first() != customer.password:
        raise InvalidCredentials


def _authenticate(username: str, password: str) -> Customer:
    try:
        customer = Customer.objects.get_by_natural_key(Customer.normalize_username(username))
    except Customer.DoesNotExist:
        make_password(password)
        raise InvalidCredentials from None
    if not customer.check_password(password) or not customer.is_active:
        raise InvalidCredentials
    return customer


def _pair(session: Session, customer: Customer, signer: Signer, now: datetime) -> Pair:
    caller = Caller(customer.pk, customer.public_id, customer.is_staff, session.id)
    return Pair(
        signer.access(caller, now=now),
        signer.refresh(session.id, session.generation, door=session.door),
    )


def refresh(token: str, *, door: str, signer: Signer, now: datetime) -> Pair:
    """Rotates a refresh token.

    The immediate predecessor of the present one, within GRACE, gets the same successor: its
    answer was lost, or eight screens refreshed at once. Anything older ends the session, for
    then somebody else has a copy (RFC 9700, section 4.14.2).
    Raises TokenInvalid, TokenExpired, SessionEnded.
    """
    given = signer.read_refresh(token, door=door)
    rotated = _rotate(given, now=now)
    session = Session.objects.select_related("customer").filter(id=given.session).first()
    if session is None or session.ended_at is not None or not session.customer.is_active:
        raise SessionEnded
    if session.expires_at <= now:
        raise TokenExpired
    # Who rotated is right even if the successor was used before the session was read.
    if not rotated and not _is_successor(session, given, now):
        end_session(given, now=now)
        raise SessionEnded
    return _pair(session, session.customer, signer, now)


def _rotate(given: Refresh, *, now: datetime) -> bool:
    """Compare-and-swap: of any number of requests with one token, one moves it on."""
    live = Session.objects.filter(id=given.session, ended_at=None, expires_at__gt=now)
    return bool(
        live.filter(generation=given.generation).update(
            generation=F("generation") + 1,
            rotated_at=now,
            expires_at=now + REFRESH_LIFETIME,
        )
    )


def _is_successor(session: Session, given: Refresh, now: datetime) -> bool:
    return session.generation == given.generation + 1 and now - session.rotated_at <= GRACE


def revoke(token: str, *, door: str, signer: Signer, now: datetime) -> None:
    """Ends the session of a refresh token of any age. Ending it twice is no error.

    Raises TokenInvalid.
    """
    end_session(signer.read_refresh(token, door=door), now=now)


def end_session(given: Refresh, *, now: datetime) -> None:
    """Ends a session: its refresh tokens at once, its access token within 30 seconds."""
    Session.objects.filter(id=given.session, ended_at=None).update(ended_at=now)


def set_password(customer: int, encoded: str, *, now: datetime) -> None:
    """Staff set a customer's password (already hashed); whoever knew the old one is logged out."""
    with transaction.atomic(durable=True):
        Customer.objects.filter(pk=customer).update(password=encoded)
        Session.objects.filter(customer=customer, ended_at=None).update(ended_at=now)


def delete_expired_sessions(*, now: datetime, limit: int) -> int:
    """Deletes up to `limit` sessions that nobody can use any more, the oldest first.

    Returns how many.
    """
    expired = Session.objects.filter(expires_at__lt=now - timedelta(days=1)).order_by("expires_at")
    deleted, _ = Session.objects.filter(id__in=expired.values("id")[:limit]).delete()
    return deleted


def ensure_account(username: str, password: str, *, superuser: bool) -> None:
    """Makes an account unless one of this name exists; the password is not judged."""
    if Customer.objects.annotate(folded=Lower("username")).filter(folded=username.lower()).exists():
        return
    make = Customer.objects.create_superuser if superuser else Customer.objects.create_user
    make(username, password)
