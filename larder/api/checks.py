"""System checks of the API's settings."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from larder.api.compat.documents import TITLES


@register()
def contracts_exist(**options: Any) -> list[CheckMessage]:
    """A misspelt COMPAT would leave somebody's app without its paths."""
    unknown = sorted(settings.COMPAT - TITLES.keys())
    if not unknown:
        return []
    hint = f"Choose from {', '.join(TITLES)}, separated by commas."
    return [Error(f"COMPAT names no contract: {', '.join(unknown)}.", hint=hint, id="larder.E007")]
