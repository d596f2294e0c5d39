"""Reads the quotas from the settings: QUOTA_ORDERS and others, one for each of quotas.NAMES."""

from collections.abc import Iterator
from contextlib import suppress

from django.conf import settings
from django.core.checks import CheckMessage, Error

from larder.core.limits import MAX_QUOTA
from larder.identity.services import quotas
from larder.identity.services.rates import Rate


def valid() -> quotas.Limits:
    """Returns the quotas whose settings are valid. A server does not start with invalid ones."""
    found: dict[quotas.Name, Rate | None] = {}
    for name in quotas.NAMES:
        with suppress(ValueError):
            found[name] = quotas.parse(getattr(settings, _setting(name)))
    return found


def faults() -> Iterator[CheckMessage]:
    """Returns an error for each invalid setting."""
    for name in quotas.NAMES:
        value = getattr(settings, _setting(name))
        try:
            quotas.parse(value)
        except ValueError:
            message = f"{_setting(name)} is no quota: {value!r}."
            units = ", ".join(quotas.UNITS)
            hint = (
                f"Write it as 120/hour, with one of {units}, at most {MAX_QUOTA:,} and "
                "1,000 in a second; or off."
            )
            yield Error(message, hint=hint, id="larder.E025")


def _setting(name: str) -> str:
    return f"QUOTA_{name.upper()}"
