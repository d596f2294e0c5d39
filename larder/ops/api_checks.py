"""System checks of the API's settings."""

from decimal import Decimal, InvalidOperation
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from larder.compat.documents import TITLES


@register()
def contracts_exist(**options: Any) -> list[CheckMessage]:
    """A misspelt COMPAT would leave somebody's app without its paths."""
    unknown = sorted(settings.COMPAT - TITLES.keys())
    if not unknown:
        return []
    hint = f"Choose from {', '.join(TITLES)}, separated by commas."
    return [Error(f"COMPAT names no contract: {', '.join(unknown)}.", hint=hint, id="larder.E007")]


@register()
def least_total_is_an_amount(**options: Any) -> list[CheckMessage]:
    """Anything else would fail every order, one by one."""
    try:
        if 0 <= Decimal(settings.MIN_ORDER_TOTAL) < Decimal("Infinity"):
            return []
    except InvalidOperation:
        pass
    said = f"MIN_ORDER_TOTAL is no amount: {settings.MIN_ORDER_TOTAL!r}."
    return [Error(said, hint="Write it as 12.50, or 0 for none.", id="larder.E008")]
