"""Password resets: requested by email address or by staff, completed with the token.

The token is not stored. It is computed from the row of the reset, the current state of the account
and the installation's secret, when the mail is sent and when the token is checked. So it becomes
invalid when the password or the address changes, and after an hour; that of an account without a
password after three days.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Lower

from larder.core.errors import InvalidInput, NotFound, with_faults
from larder.core.mailboxes import canonical, sent_to
from larder.identity import queries
from larder.identity.caller import Caller
from larder.identity.errors import ResetTokenInvalid
from larder.identity.models import Customer, PasswordReset
from larder.identity.passwords import hashers
from larder.identity.passwords.forms import normal_form
from larder.identity.services import audit
from larder.identity.services.credentials import password_faults
from larder.identity.services.passwords import WHERE, replace_password
from larder.identity.services.rights import CHANGE, SETTLED, require_manageable, setter_of
from larder.identity.tokens import is_reset_token, reset_named, reset_token

LIFETIME, OF_AN_INVITATION = timedelta(hours=1), timedelta(days=3)
"""How long a token is valid, and that of an account that has no password yet."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """A reset: the address to which it is mailed, the token, and when the token expires.
    `newcomer` is the username of a member of staff who has no password yet; empty for others."""

    email: str = field(repr=False)
    token: str = field(repr=False)
    until: datetime
    newcomer: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Offer:
    """How staff hand over a reset: the installation's secret, the moment, and `notify`, which is
    called with the id of the reset in its transaction if it is to be mailed."""

    secret: str = field(repr=False)
    notify: Callable[[UUID], None] | None
    now: datetime


def request_reset(email: str, *, notify: Callable[[UUID], None], now: datetime) -> None:
    """Records a reset for this address, and calls `notify` with its id in the same transaction.

    Runs the same statements whether an account has this address or not.
    """
    with transaction.atomic(durable=True):
        reset = PasswordReset.objects.create(customer_id=_owner(email, now), created_at=now)
        notify(reset.id)


def offer_reset(actor: Caller, customer: int, offer: Offer) -> Invitation:
    """Records a reset for an account, requested by staff who may set its password, and returns its
    token. It is mailed only to an address that `request_reset` would use.

    Raises NotFound (deactivated), SessionEnded, NotStaff, PermissionMissing.
    """
    with transaction.atomic(durable=True):
        return offer_within(actor, customer, offer)


def offer_within(actor: Caller, customer: int, offer: Offer) -> Invitation:
    """Does what `offer_reset` does, in a transaction that is open."""
    notify, now = offer.notify, offer.now
    require_manageable(actor, customer, CHANGE)
    account = Customer.objects.filter(pk=customer, is_active=True).first()
    if account is None:
        raise NotFound
    is_mailed = notify is not None and _owner(account.email, now) == customer
    shown_to = None if is_mailed else setter_of(actor, customer)
    reset = PasswordReset.objects.create(customer_id=customer, created_at=now, shown_to=shown_to)
    if notify is not None and is_mailed:
        notify(reset.id)
    name = audit.customer_name(account.public_id)
    audit.record(name, "offer_reset", after={"mailed": is_mailed})
    token = reset_token(offer.secret, reset.id, _standing(account))
    return Invitation(account.email if is_mailed else "", token, now + _lifetime(account))


def _owner(email: str, now: datetime) -> int | None:
    folded = Customer.objects.alias(folded=Lower("email"))
    found = folded.filter(_gets_mails(now), is_active=True)
    found = found.filter(folded__in=queries.lowered_spellings(email))
    rows = found.values_list("pk", "email")[:1]
    return next((owner for owner, held in rows if sent_to(held)), None)


def _gets_mails(now: datetime) -> Q:
    """Returns the condition that an account has an address to which resets are mailed. It is
    checked when a reset is requested and again when it is mailed: a mail can wait, for the worker
    or the mail server, and the address can be changed meanwhile."""
    settled = Q(email_since=None) | Q(email_since__lt=now - SETTLED)
    return settled & ~Q(email="")


def invitation(reset: UUID, *, secret: str, now: datetime) -> Invitation | None:
    """Returns the content of the mail for a reset. None if no account has the address, if the
    reset is no longer valid, or if the owner of the account has changed the address since."""
    account = _account(reset, now, _gets_mails(now))
    if account is None:
        return None
    requested_at = PasswordReset.objects.values_list("created_at", flat=True).get(id=reset)
    token = reset_token(secret, reset, _standing(account))
    newcomer = account.is_staff and not account.has_usable_password()
    return Invitation(
        canonical(account.email),
        token,
        requested_at + _lifetime(account),
        account.username if newcomer else "",
    )


def _account(reset: UUID, now: datetime, *conditions: Q) -> Customer | None:
    requested = PasswordReset.objects.filter(id=reset).values("customer", "created_at").first()
    if requested is None:
        return None
    rows = Customer.objects.filter(*conditions, pk=requested["customer"], is_active=True)
    account = rows.first()
    if account is None or requested["created_at"] <= now - _lifetime(account):
        return None
    return account


def _lifetime(account: Customer) -> timedelta:
    return LIFETIME if account.has_usable_password() else OF_AN_INVITATION


def _standing(account: Customer) -> tuple[str, ...]:
    return (str(account.public_id), account.password, account.email)


def _proven(token: str, secrets: Sequence[str], now: datetime) -> Customer | None:
    reset = reset_named(token)
    account = None if reset is None else _account(reset, now)
    is_genuine = account is not None and is_reset_token(token, _standing(account), secrets)
    return account if is_genuine else None


def set_forgotten(token: str, wanted: str, *, secrets: Sequence[str], now: datetime) -> None:
    """Sets a new password with the token of a mail. Ends all sessions, keys and other resets of the
    account.

    Raises ResetTokenInvalid (wrong, used, expired), InvalidInput (the new password; both together
    if there are both), Overloaded.
    """
    account = _proven(token, secrets, now)
    if account is None:
        found = password_faults(wanted, None, where=WHERE)
        raise with_faults(ResetTokenInvalid(), found)
    if found := password_faults(wanted, account, where=WHERE):
        raise InvalidInput(found)
    with hashers.in_lane("staff" if account.is_staff else "others"):
        encoded = make_password(normal_form(wanted))
    with transaction.atomic(durable=True):
        if not _lock_unchanged(account):
            raise ResetTokenInvalid
        with audit.acting(account.public_id, "mail") if account.is_staff else nullcontext():
            replace_password(account.pk, encoded, by=_setter(account, token), now=now)
        PasswordReset.objects.filter(customer=account.pk).delete()


def _setter(account: Customer, token: str) -> UUID | None:
    """Returns the member of staff who may have used the link: who saw it, or set the address to
    which it was mailed."""
    reset = PasswordReset.objects.filter(customer=account.pk, id=str(reset_named(token)))
    return reset.values_list("shown_to", flat=True).first() or account.email_by


def _lock_unchanged(account: Customer) -> bool:
    """Locks the account. Returns whether the token still matches it."""
    rows = Customer.objects.select_for_update(no_key=True).filter(pk=account.pk, is_active=True)
    return rows.values_list("password", "email").first() == (account.password, account.email)


def delete_expired_resets(*, now: datetime, limit: int) -> int:
    """Deletes up to `limit` expired resets. Returns their number."""
    past = PasswordReset.objects.filter(created_at__lt=now - OF_AN_INVITATION).order_by(
        "created_at"
    )
    deleted, _ = PasswordReset.objects.filter(id__in=past.values("id")[:limit]).delete()
    return deleted
