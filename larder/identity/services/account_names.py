"""Normalizes and checks the usernames and email addresses of accounts."""

from typing import Any

from larder.core.errors import Fault, InvalidInput
from larder.core.invisible import has_invisible
from larder.core.limits import MAX_EMAIL_LENGTH, MAX_USERNAME_LENGTH
from larder.core.mailboxes import canonical, is_malformed
from larder.identity.models import Customer


def username_faults(normalised: str) -> list[Fault]:
    """Checks the normalized name, which can be longer: U+FDFA becomes eighteen characters."""
    if len(normalised) > MAX_USERNAME_LENGTH:
        detail = f"At most {MAX_USERNAME_LENGTH} characters in Unicode normalization form KC."
        return [Fault("/username", "too_long", detail)]
    if has_invisible(normalised):
        return [
            Fault(
                "/username", "invalid_format", "Control and invisible characters are not allowed."
            )
        ]
    return []


def email_faults(one: str) -> list[Fault]:
    """Checks the canonical address, which can be longer than what was sent."""
    if len(one) > MAX_EMAIL_LENGTH:
        return [Fault("/email", "too_long", f"At most {MAX_EMAIL_LENGTH} characters.")]
    if has_invisible(one):
        detail = "Control and invisible characters are not allowed."
        return [Fault("/email", "invalid_format", detail)]
    if is_malformed(one):
        return [Fault("/email", "invalid_format", "There can be no such address.")]
    return []


def normalize(wanted: dict[str, Any]) -> None:
    """Normalizes the username and the email address, if they are given. Raises InvalidInput."""
    found: list[Fault] = []
    if "username" in wanted:
        wanted["username"] = Customer.normalize_username(str(wanted["username"]))
        found += username_faults(wanted["username"])
    if "email" in wanted:
        wanted["email"] = canonical(str(wanted["email"]))
        found += email_faults(wanted["email"])
    if found:
        raise InvalidInput(found)
