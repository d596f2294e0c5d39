"""A password that was forgotten: asked for by email address, set anew with what the mail said.

Nothing that is stored opens anything. The token is made of the reset's row, of the account as it
stands and of the installation's secret when the mail is sent, and once more when it is compared:
another password, another address, or an hour, and it is none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q, Value
from django.db.models.functions import Lower

from larder.core.errors import InvalidInput
from larder.identity import hashers
from larder.identity.errors import ResetTokenInvalid
from larder.identity.models import Customer, PasswordReset
from larder.identity.services.credentials import password_faults
from larder.identity.services.passwords import WHERE, replace_password
from larder.identity.tokens import is_reset_token, reset_named, reset_token

LIFETIME = timedelta(hours=1)

SETTLED = timedelta(days=7)
"""For how long after its owner has changed it an address gets no mail: whoever finds a telephone
unlocked, or a key, could otherwise make the account theirs with an address of their own."""


def ask(email: str, *, tell: Callable[[UUID], None], now: datetime) -> None:
    """Notes that whoever has this address forgot their password, and `tell`s of the reset, in
    the same transaction.

    Whether there is such an account makes no difference: the same statements are run.
    """
    with transaction.atomic(durable=True):
        asked = PasswordReset.objects.create(customer_id=_owner(email, now), created_at=now)
        tell(asked.id)


def _owner(email: str, now: datetime) -> int | None:
    folded = Customer.objects.alias(folded=Lower("email"))
    settled = Q(email_since=None) | Q(email_since__lt=now - SETTLED)
    found = folded.filter(settled, ~Q(email=""), folded=Lower(Value(email)), is_active=True)
    return next(iter(found.values_list("pk", flat=True)[:1]), None)


@dataclass(frozen=True, slots=True)
class Invitation:
    """Who may set a new password, with which token and until when."""

    email: str = field(repr=False)
    token: str = field(repr=False)
    until: datetime


def invitation(reset: UUID, *, secret: str, now: datetime) -> Invitation | None:
    """What to send for a reset; None where there is nobody to send it to, or not any more."""
    account = _account(reset, now)
    if account is None or not account.email:
        return None
    asked_at = PasswordReset.objects.values_list("created_at", flat=True).get(id=reset)
    token = reset_token(secret, reset, _standing(account))
    return Invitation(account.email, token, asked_at + LIFETIME)


def _account(reset: UUID, now: datetime) -> Customer | None:
    asked = PasswordReset.objects.filter(id=reset, created_at__gt=now - LIFETIME)
    return Customer.objects.filter(pk__in=asked.values("customer"), is_active=True).first()


def _standing(account: Customer) -> tuple[str, ...]:
    return (str(account.public_id), account.password, account.email)


def set_forgotten(token: str, wanted: str, *, secrets: Sequence[str], now: datetime) -> None:
    """Sets a new password with the token of a mail. Every log-in and every key of the account
    ends, and so does every other reset of it.

    Raises ResetTokenInvalid (wrong, used, expired), InvalidInput (the new password), Overloaded.
    """
    reset = reset_named(token)
    account = None if reset is None else _account(reset, now)
    if account is None or not is_reset_token(token, _standing(account), secrets):
        raise ResetTokenInvalid
    if found := password_faults(wanted, account, where=WHERE):
        raise InvalidInput(found)
    # The token shows whose account it is, and few are sent.
    with hashers.place("returning"):
        encoded = make_password(wanted)
    with transaction.atomic(durable=True):
        if not _still_so(account):
            raise ResetTokenInvalid
        replace_password(account.pk, encoded, now=now)
        PasswordReset.objects.filter(customer=account.pk).delete()


def _still_so(account: Customer) -> bool:
    """Locks the account; whether the token is still made of it."""
    rows = Customer.objects.select_for_update(no_key=True).filter(pk=account.pk, is_active=True)
    return rows.values_list("password", "email").first() == (account.password, account.email)


def delete_expired_resets(*, now: datetime, limit: int) -> int:
    """Deletes up to `limit` resets that can be used no more. Returns how many."""
    past = PasswordReset.objects.filter(created_at__lt=now - LIFETIME).order_by("created_at")
    deleted, _ = PasswordReset.objects.filter(id__in=past.values("id")[:limit]).delete()
    return deleted
