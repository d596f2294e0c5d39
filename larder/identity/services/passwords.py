"""Passwords: changed by whoever knows the present one, set by staff.

Whatever was opened with the old password ends with it. What makes a password count is done under
the account's lock, as logging in is: no log-in with the old one comes after it.
"""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.db.models import QuerySet

from larder.core.errors import Fault, InvalidInput
from larder.identity.caller import Caller
from larder.identity.errors import InvalidCredentials, SessionEnded, WrongPassword
from larder.identity.models import Customer, Key
from larder.identity.services.credentials import password_faults, still_so
from larder.identity.services.sessions import end_others_within

WHERE = "/new_password"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The password somebody has and the one they want: plain texts, never stored."""

    current: str
    new: str

    @property
    def both(self) -> str:
        """One text for the two: with the new one known, it says which the other is."""
        return self.current + self.new


def change_password(caller: Caller, asked: Change, *, now: datetime) -> None:
    """Changes the password of whoever knows the present one.

    All other log-ins of the account end, and the key that was handed out for the old password; the
    log-in that asks goes on, and so do keys that were made by themselves. Where this same change
    was the last one nothing happens: the answer to an earlier request was lost. It is known by both
    of its passwords; by the new one alone a wrong present one would be a second guess in one try.
    Raises InvalidInput (the new password), WrongPassword, SessionEnded, Overloaded.
    """
    account = _active(caller.id)
    if found := password_faults(asked.new, account, where=WHERE):
        raise InvalidInput(found)
    if not check_password(asked.current, account.password):
        _already(account, asked)
        return
    encoded, change = make_password(asked.new), make_password(asked.both)
    try:
        with transaction.atomic(durable=True):
            still_so(account)
            _write(account.pk, encoded, change)
            end_others_within(account.pk, keep=caller.session, now=now)
            _live_keys(account.pk).filter(generation__isnull=False).update(ended_at=now)
    except InvalidCredentials:
        # Somebody else changed it while this was hashed: another, or this same request's twin.
        _already(_active(caller.id), asked)


def _active(customer: int) -> Customer:
    found = Customer.objects.filter(pk=customer, is_active=True).first()
    if found is None:
        raise SessionEnded
    return found


def _already(account: Customer, asked: Change) -> None:
    """Whether the last change was this one, and holds: others set passwords too."""
    if not check_password(asked.both, account.password_change):
        raise WrongPassword
    if not check_password(asked.new, account.password):
        raise WrongPassword


def faults(customer: int, wanted: str) -> list[Fault]:
    """What `change_password` would refuse of the new password as such. Raises SessionEnded."""
    return password_faults(wanted, _active(customer), where=WHERE)


def set_password(customer: int, encoded: str, *, now: datetime) -> None:
    """Staff set a customer's password (already hashed). Does nothing to a deleted account."""
    with transaction.atomic(durable=True):
        replace_password(customer, encoded, now=now)


def replace_password(customer: int, encoded: str, *, now: datetime) -> None:
    """Within a transaction: whoever knew the old password is out, open sessions and long-lived
    keys end."""
    if _write(customer, encoded):
        end_others_within(customer, keep=None, now=now)
        _live_keys(customer).update(ended_at=now)


def _write(customer: int, encoded: str, change: str = "") -> bool:
    rows = Customer.objects.filter(pk=customer, deleted_at=None)
    return bool(rows.update(password=encoded, password_change=change))


def _live_keys(customer: int) -> QuerySet[Key]:
    return Key.objects.filter(customer=customer, ended_at=None)
