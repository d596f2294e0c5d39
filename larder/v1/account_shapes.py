"""The bodies of passwords and log-ins."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from larder.core.limits import MAX_EMAIL_LENGTH, MAX_PASSWORD_LENGTH, MAX_RESET_TOKEN_LENGTH
from larder.v1.shapes import Link, Request, Time

Password = Annotated[str, Meta(min_length=1, max_length=MAX_PASSWORD_LENGTH)]


class PasswordChange(Request):
    """The password that is known, and the one that is wanted."""

    current_password: Annotated[str, Meta(max_length=MAX_PASSWORD_LENGTH)]
    new_password: Password


class PasswordReset(Request):
    """Where to send the mail: the address of an account."""

    email: Annotated[
        str,
        Meta(
            max_length=MAX_EMAIL_LENGTH,
            pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+\Z",
            extra={"form": "Expected an address such as ada@example.com."},
        ),
    ]


class NewPassword(Request):
    """What the mail said, and the password that is wanted."""

    reset_token: Annotated[str, Meta(max_length=MAX_RESET_TOKEN_LENGTH)]
    new_password: Password


class Session(msgspec.Struct):
    """A log-in. `client` is what the program that logged in said of itself (its `User-Agent`, at
    most 200 characters). `last_used_at`: when it was refreshed last. `current`: it is the one
    that asks."""

    id: UUID
    client: str
    current: bool
    created_at: Time
    last_used_at: Time
    expires_at: Time


class SessionPage(msgspec.Struct):
    """A page of log-ins that go on, oldest first."""

    results: list[Session]
    next: Link | None
