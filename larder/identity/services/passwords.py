"""Passwords: changed by their owners, who must know the current one; set by a command; or set with
a link that was requested by mail, offered by staff, or is an invitation.

A change ends what was opened with the old password. It takes the account's lock, as a log-in does,
so that no log-in with the old password succeeds after it.

The token of a link is signed and not stored: a backup or a job's row would reveal it. Its signature
contains the account's password hash and email address, so it becomes invalid when one of them
changes, and after an hour; that of an account without a password after three days.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower

from larder.core.errors import InvalidInput, NotFound, SecondFactorRequired, with_faults
from larder.core.ids import new_id
from larder.core.mailboxes import sent_to
from larder.db.constraints import refusing_taken
from larder.identity import hashers, queries
from larder.identity.caller import Caller
from larder.identity.errors import (
    InvalidCredentials,
    ResetTokenInvalid,
    SessionEnded,
    WrongPassword,
)
from larder.identity.models import Customer, Key
from larder.identity.services import accounts, audit, rights
from larder.identity.services.accounts import NewCustomer
from larder.identity.services.credentials import lock_account, lock_unchanged, password_faults
from larder.identity.services.sessions import end_others_within

WHERE = "/new_password"


def change_password(caller: Caller, *, current: str, new: str, now: datetime) -> Customer:
    """Changes the password of the caller, who must know the current one. Returns the account as it
    is after the change: what others set later is not in it.

    Ends all other sessions of the account, and the key that was derived for the old password. The
    caller's session continues, and so do random keys.

    Raises WrongPassword, InvalidInput (the new password; both together if there are both),
    SessionEnded, Overloaded, and SecondFactorRequired: where staff need a factor, a password alone
    must not lock its owner out.
    """
    if caller.is_restricted:
        raise SecondFactorRequired(rights.CHANGE)
    account = Customer.objects.filter(pk=caller.id, is_active=True).first()
    if account is None:
        raise SessionEnded
    faults = password_faults(new, account, where=WHERE)
    if not account.check_password(current):
        raise with_faults(WrongPassword(), faults)
    if faults:
        raise InvalidInput(faults)
    encoded = hashers.hashed(new, account.lane)
    try:
        with transaction.atomic(durable=True):
            lock_unchanged(account)
            if caller.session is None:  # end_others_within checks a session
                lock_account(caller)
            _write(account.pk, encoded)
            _record(account.pk)
            end_others_within(account.pk, keep=caller.session, now=now)
            _keys(account.pk).filter(generation__isnull=False).update(ended_at=now)
            account.password = encoded
            return account
    except InvalidCredentials as error:
        raise WrongPassword from error  # it was changed during hashing


def set_password(customer: int, encoded: str, *, now: datetime) -> None:
    """Sets a customer's password, already hashed, for a command. Does nothing to a deleted
    account."""
    with transaction.atomic(durable=True):
        replace_password(customer, encoded, by=None, now=now)


def replace_password(customer: int, encoded: str, *, by: UUID | None, now: datetime) -> None:
    """Sets the password, and ends all sessions and long-lived keys. `by` is the member of staff who
    may know it. Assumes an open transaction."""
    if _write(customer, encoded, password_by=by):
        _record(customer)
        end_others_within(customer, keep=None, now=now)
        _keys(customer).update(ended_at=now)


def _write(customer: int, encoded: str, **columns: object) -> bool:
    rows = Customer.objects.filter(pk=customer, deleted_at=None)
    return bool(rows.update(password=encoded, **columns))


def _record(customer: int) -> None:
    """Records that staff set a password, without it."""
    if audit.current() is not None:
        public_id = Customer.objects.values_list("public_id", flat=True).get(pk=customer)
        audit.record(audit.customer_name(public_id), "set_password")


def _keys(customer: int) -> QuerySet[Key]:
    return Key.objects.ongoing().filter(customer=customer)


LIFETIME, OF_AN_INVITATION = timedelta(hours=1), timedelta(days=3)
"""How long a token is valid, and that of an account that has no password yet."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link: the address to which it is mailed, the token, and when the token expires.
    `newcomer` is the username of a member of staff who has no password yet; empty for others."""

    email: str = field(repr=False)
    token: str = field(repr=False)
    until: datetime
    newcomer: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Offer:
    """How staff hand over a link. `notify` is called with the public id of the account, in a
    transaction, if the link is to be mailed."""

    secret: str = field(repr=False)
    notify: Callable[[UUID], None] | None
    now: datetime


def request_reset(email: str, *, notify: Callable[[UUID], None], now: datetime) -> None:
    """Calls `notify` with the public id of the account that has this address, or with an id of
    none: the same work is done, so that the time of the answer does not reveal which."""
    with transaction.atomic(durable=True):
        notify(_owner(email, now) or new_id())


def offer_reset(actor: Caller, customer: int, offer: Offer) -> Invitation:
    """Returns a link for an account, for staff who may set its password. It is mailed only to an
    address that `request_reset` would use.

    Raises NotFound (deactivated), SessionEnded, NotStaff, PermissionMissing.
    """
    with transaction.atomic(durable=True):
        return _offer(actor, customer, offer)


def _offer(actor: Caller, customer: int, offer: Offer) -> Invitation:
    rights.require_manageable(actor, customer, rights.CHANGE)
    account = Customer.objects.filter(pk=customer, is_active=True).first()
    if account is None:
        raise NotFound
    notify = offer.notify
    is_mailed = notify is not None and _owner(account.email, offer.now) == account.public_id
    if notify is not None and is_mailed:
        notify(account.public_id)
    audit.record(audit.customer_name(account.public_id), "offer_reset", after={"mailed": is_mailed})
    shown_to = None if is_mailed else rights.setter_of(actor, customer)
    until = offer.now + _lifetime(account)
    token = _token(account, until, offer.secret, shown_to=shown_to)
    return Invitation(account.email if is_mailed else "", token, until)


def _owner(email: str, now: datetime) -> UUID | None:
    folded = Customer.objects.alias(folded=Lower("email"))
    mailed = folded.filter(_gets_mails(now), is_active=True)
    owners = mailed.filter(folded=queries.lowered(email))
    rows = owners.values_list("public_id", "email")[:1]
    return next((owner for owner, held in rows if sent_to(held)), None)


def _gets_mails(now: datetime) -> Q:
    """Returns the condition that an account has an address to which links are mailed. It is checked
    again before the mail is sent: the address can be changed meanwhile."""
    settled = Q(email_since=None) | Q(email_since__lt=now - rights.SETTLED)
    return settled & ~Q(email="")


def invitation(
    public_id: UUID, *, requested_at: datetime, secret: str, now: datetime
) -> Invitation | None:
    """Returns the link to be mailed to an account. None if there is no such account, if the link
    has expired, or if the owner of the account has changed the address lately."""
    owners = Customer.objects.filter(_gets_mails(now), public_id=public_id, is_active=True)
    account = owners.first()
    if account is None:
        return None
    until = requested_at + _lifetime(account)
    if until <= now:
        return None
    is_newcomer = account.is_staff and not account.has_usable_password()
    newcomer = account.username if is_newcomer else ""
    return Invitation(account.email, _token(account, until, secret), until, newcomer)


def _lifetime(account: Customer) -> timedelta:
    return LIFETIME if account.has_usable_password() else OF_AN_INVITATION


def _token(account: Customer, until: datetime, secret: str, *, shown_to: UUID | None = None) -> str:
    """Returns the token: the account, the time of its end, and the member of staff who saw it."""
    content = (account.public_id.hex, str(int(until.timestamp())), shown_to.hex if shown_to else "")
    return _signer(account, [secret]).sign(".".join(content))


def _signer(account: Customer, secrets: Sequence[str]) -> Signer:
    salt = f"password reset {account.password} {account.email}"
    return Signer(key=secrets[0], sep=".", salt=salt, fallback_keys=[*secrets[1:]])


def _read(token: str, secrets: Sequence[str], now: datetime) -> tuple[Customer, UUID | None]:
    """Returns the account of a genuine token, and the member of staff who saw it. Raises
    ResetTokenInvalid."""
    try:
        public_id, until, shown_to, _ = token.split(".")
        account = Customer.objects.get(public_id=UUID(public_id), is_active=True)
        _signer(account, secrets).unsign(token)
    except (ValueError, BadSignature, Customer.DoesNotExist):
        raise ResetTokenInvalid from None
    if int(until) <= now.timestamp():
        raise ResetTokenInvalid
    return account, UUID(shown_to) if shown_to else None


def set_forgotten(token: str, new: str, *, secrets: Sequence[str], now: datetime) -> None:
    """Sets a new password with the token of a link. Ends all sessions and keys of the account.

    Raises ResetTokenInvalid (wrong, used, expired, or shown to staff who have fewer rights than the
    account has by now), InvalidInput (the new password; both together if there are both),
    Overloaded.
    """
    try:
        account, shown_to = _read(token, secrets, now)
    except ResetTokenInvalid as refusal:
        raise with_faults(refusal, password_faults(new, None, where=WHERE)) from None
    if faults := password_faults(new, account, where=WHERE):
        raise InvalidInput(faults)
    encoded = hashers.hashed(new, account.lane)
    with transaction.atomic(durable=True):
        rows = Customer.objects.select_for_update(no_key=True).filter(pk=account.pk, is_active=True)
        present = rows.values_list("password", "email").first()
        if present != (account.password, account.email):
            raise ResetTokenInvalid
        if not rights.may_know(shown_to, queries.rights(account.pk)):
            raise ResetTokenInvalid
        setter = shown_to or account.email_by
        with audit.acting(account.public_id, "mail") if account.is_staff else nullcontext():
            replace_password(account.pk, encoded, by=setter, now=now)


def invite(
    actor: Caller, new: NewCustomer, roles: Collection[int], *, offer: Offer
) -> tuple[int, Invitation]:
    """Adds an account without a password, gives it the roles with these ids, and offers a link, in
    one transaction. Returns the id and the link.

    Raises AlreadyTaken, InvalidInput (username, email), NotStaff, PermissionMissing (also for a
    permission of a role that the caller does not have), SessionEnded.
    """
    with refusing_taken(), transaction.atomic(durable=True):
        account = accounts.add_within(new, by=actor.public_id, now=offer.now)
        rights.require_manageable(actor, account, rights.ADD)
        columns = {"is_staff": True, "groups": roles}
        accounts.update_within(account, columns, actor=actor, now=offer.now)
        return account, _offer(actor, account, offer)
