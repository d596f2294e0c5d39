"""Verifies usernames and passwords, locks accounts, and checks new names and passwords."""

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, gettext_noop

from larder.core.errors import Fault, InvalidInput
from larder.core.limits import MAX_EMAIL_LENGTH, MAX_USERNAME_LENGTH
from larder.core.mailboxes import canonical, is_malformed
from larder.core.texts import has_invisible
from larder.identity import hashers
from larder.identity.caller import Caller
from larder.identity.errors import InvalidCredentials
from larder.identity.models import Customer
from larder.identity.queries import named, submit_renewed, with_rights


def authenticate(username: str, password: str) -> Caller:
    """Returns the customer of a username and a password, for one request (Basic authentication).
    Raises InvalidCredentials."""
    customer = verified(username, password)
    return with_rights(Caller(customer.pk, customer.public_id, customer.is_staff, session=None))


def verified(username: str, password: str) -> Customer:
    """Returns the account of the username and the password. Hashes in every case. Raises
    InvalidCredentials."""
    customer = named(username).first()
    if customer is None:
        hashers.hashed(password, "others")
        raise InvalidCredentials
    if not customer.check_password(password) or not customer.is_active:
        raise InvalidCredentials
    return customer


def lock_unchanged(customer: Customer) -> None:
    """Locks the account and checks that it has not changed since `verified`. Called in the
    transaction that creates a session or a key.

    If the password was changed or the account deactivated during the hashing, its sessions and keys
    have ended, and a new one would stay valid. If the account became one of staff, `customer` is
    one from now on. Raises InvalidCredentials.
    """
    rows = Customer.objects.select_for_update(no_key=True).filter(pk=customer.pk, is_active=True)
    row = rows.values_list("password", "is_staff").first()
    if row is None or row[0] != customer.password:
        raise InvalidCredentials
    customer.is_staff = row[1]


def lock_account(caller: Caller, *others: int) -> Caller:
    """Locks the accounts of the caller and of `others`, in the order of their ids. Returns the
    caller with the present rights.

    The check of an access token may be some seconds old, and this transaction writes something that
    lasts longer than the token. So the caller's session or key must be live. It is read in a
    statement after the lock, because a transaction that ends all sessions or keys of an account
    takes the same lock. Raises SessionEnded, also if the account is not active.
    """
    rows = Customer.objects.select_for_update(no_key=True).filter(pk__in={caller.id, *others})
    list(rows.order_by("pk").values_list("pk"))
    return renewed(caller)


def renewed(caller: Caller) -> Caller:
    """Returns the caller with the present rights, for a request that has waited or takes long.
    Raises SessionEnded as `lock_account` does, without a lock."""
    return submit_renewed(caller)()


def require_permitted(caller: Caller | None, *permissions: str) -> None:
    """Reads the rights of a caller again, under the locks of a change, which the request may have
    waited for. Does nothing for a command, which has no caller. Raises SessionEnded, NotStaff,
    PermissionMissing, SecondFactorRequired."""
    if caller is None:
        return
    renewed(caller).require(*permissions)


def password_faults(
    password: str, customer: Customer | None, *, where: str = "/password"
) -> list[Fault]:
    """Returns why this cannot be the customer's password; with None, why it cannot be any."""
    try:
        validate_password(password, customer)
    except ValidationError as error:
        return [Fault(where, e.code or "invalid", " ".join(e.messages)) for e in error.error_list]
    return []


def username_faults(normalised: str) -> list[Fault]:
    """Checks the normalized name, which can be longer: U+FDFA becomes eighteen characters."""
    faults = []
    if len(normalised) > MAX_USERNAME_LENGTH:
        text = gettext("At most {} characters in Unicode normalization form KC.")
        faults.append(Fault("/username", "too_long", text.format(MAX_USERNAME_LENGTH)))
    if has_invisible(normalised):
        faults.append(Fault("/username", "invalid_format", gettext(_INVISIBLE)))
    return faults


_INVISIBLE = gettext_noop("Control and invisible characters are not allowed.")


def email_faults(address: str) -> list[Fault]:
    """Checks the canonical address, which can be longer than what was sent."""
    faults = []
    if len(address) > MAX_EMAIL_LENGTH:
        detail = gettext("At most {} characters.").format(MAX_EMAIL_LENGTH)
        faults.append(Fault("/email", "too_long", detail))
    if has_invisible(address):
        faults.append(Fault("/email", "invalid_format", gettext(_INVISIBLE)))
    elif is_malformed(address):
        detail = gettext("There can be no such address.")
        faults.append(Fault("/email", "invalid_format", detail))
    return faults


def normalize(columns: dict[str, Any]) -> None:
    """Normalizes the username and the email address, if they are given. Raises InvalidInput."""
    faults: list[Fault] = []
    if "username" in columns:
        columns["username"] = Customer.normalize_username(str(columns["username"]))
        faults += username_faults(columns["username"])
    if "email" in columns:
        columns["email"] = canonical(str(columns["email"]))
        faults += email_faults(columns["email"])
    if faults:
        raise InvalidInput(faults)
