"""Passwords: changed by their owners, who must know the current one, or set with a link
or a command.

A change ends what was opened with the old password. It takes the account's lock, as a log-in does,
so that no log-in with the old password succeeds after it.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from larder.core.errors import InvalidInput, SecondFactorRequired, with_faults
from larder.identity import hashers
from larder.identity.caller import Caller
from larder.identity.errors import InvalidCredentials, SessionEnded, WrongPassword
from larder.identity.models import Customer, Key
from larder.identity.services import audit
from larder.identity.services.credentials import (
    lock_account,
    lock_unchanged,
    password_faults,
)
from larder.identity.services.rights import CHANGE
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
        raise SecondFactorRequired(CHANGE)
    account = _active(caller.id)
    found = password_faults(new, account, where=WHERE)
    if not account.check_password(current):
        raise with_faults(WrongPassword(), found)
    if found:
        raise InvalidInput(found)
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


def _active(customer: int) -> Customer:
    found = Customer.objects.filter(pk=customer, is_active=True).first()
    if found is None:
        raise SessionEnded
    return found


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
