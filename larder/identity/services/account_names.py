"""Normalizes and checks the usernames and email addresses of accounts."""

from typing import Any

from django.utils.translation import gettext, gettext_noop

from larder.core.errors import Fault, InvalidInput
from larder.core.invisible import has_invisible
from larder.core.limits import MAX_EMAIL_LENGTH, MAX_USERNAME_LENGTH
from larder.core.mailboxes import canonical, is_malformed
from larder.identity.models import Customer


def username_faults(normalised: str) -> list[Fault]:
    """Checks the normalized name, which can be longer: U+FDFA becomes eighteen characters."""
    found = []
    if len(normalised) > MAX_USERNAME_LENGTH:
        text = gettext("At most {} characters in Unicode normalization form KC.")
        found.append(Fault("/username", "too_long", text.format(MAX_USERNAME_LENGTH)))
    if has_invisible(normalised):
        found.append(Fault("/username", "invalid_format", gettext(_INVISIBLE)))
    return found


_INVISIBLE = gettext_noop("Control and invisible characters are not allowed.")


def email_faults(one: str) -> list[Fault]:
    """Checks the canonical address, which can be longer than what was sent."""
    found = []
    if len(one) > MAX_EMAIL_LENGTH:
        detail = gettext("At most {} characters.").format(MAX_EMAIL_LENGTH)
        found.append(Fault("/email", "too_long", detail))
    if has_invisible(one):
        found.append(Fault("/email", "invalid_format", gettext(_INVISIBLE)))
    elif is_malformed(one):
        detail = gettext("There can be no such address.")
        found.append(Fault("/email", "invalid_format", detail))
    return found


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
