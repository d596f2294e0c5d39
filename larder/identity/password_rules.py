"""Password rules of this shop, in addition to Django's validators."""

from typing import Any

from django.core.exceptions import ValidationError

from larder.core.limits import MAX_PASSWORD_LENGTH


class MaximumLengthValidator:
    """Refuses a password that no API accepts at a log-in, also in the admin and in commands."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raises ValidationError."""
        if len(password) > MAX_PASSWORD_LENGTH:
            raise ValidationError(
                f"This password is too long. It has more than {MAX_PASSWORD_LENGTH:,} characters.",
                code="password_too_long",
            )

    def get_help_text(self) -> str:
        """Returns the sentence that forms show next to Django's."""
        return f"Your password can contain at most {MAX_PASSWORD_LENGTH:,} characters."
