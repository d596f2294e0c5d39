"""Password rules of this shop, in addition to Django's validators."""

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext

from larder.core.limits import MAX_PASSWORD_LENGTH


class MaximumLengthValidator:
    """Refuses a password that no API accepts at a log-in, also in the admin and in commands."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raises ValidationError."""
        if len(password) > MAX_PASSWORD_LENGTH:
            text = gettext("This password is too long. It has more than {} characters.")
            most = f"{MAX_PASSWORD_LENGTH:,}"
            raise ValidationError(text.format(most), code="password_too_long")

    def get_help_text(self) -> str:
        """Returns the sentence that forms show next to Django's."""
        text = gettext("Your password can contain at most {} characters.")
        return text.format(f"{MAX_PASSWORD_LENGTH:,}")
