"""Password hashing: how many threads hash at once, and how many may wait.

A hash takes as long as a hundred statements, and a thread that hashes or waits serves no other
request. So each process bounds both, separately for staff: many log-ins of customers do not keep
staff out (docs/api/account.md).
"""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from django.contrib.auth.hashers import Argon2PasswordHasher, make_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext

from larder.core import waits
from larder.core.limits import MAX_PASSWORD_LENGTH
from larder.core.waits import Turns


def normal_form(password: str) -> str:
    """Returns Unicode normalization form KC: keyboards make different forms of the same text.

    >>> normal_form("cafe\u0301") == normal_form("caf\u00e9")
    True
    """
    return unicodedata.normalize("NFKC", password)


Lane = Literal["staff", "others"]


def lanes_of(*, staff: int, others: int) -> dict[Lane, Turns]:
    """Returns the lanes by how many threads hash or wait in each. One thread of a lane hashes."""
    return {"staff": Turns(1, staff - 1), "others": Turns(1, others - 1)}


_lanes = lanes_of(staff=6, others=10)


def use(*, threads: int) -> None:
    """Sets the bounds of this process, so that at least four of ten threads serve other requests.
    Called when a process starts."""
    _lanes.update(lanes_of(staff=max(1, threads // 5), others=max(2, threads // 3)))


@contextmanager
def slot(lane: Lane) -> Iterator[None]:
    """Holds a slot of the lane for the block, which hashes. Raises Overloaded: at once without a
    free place, or after 5 s."""
    # A hash takes as long as a hundred statements: other threads need the connection.
    waits.release()
    with _lanes[lane].turn():
        yield


def hashed(password: str | None, lane: Lane) -> str:
    """Returns the hash of a password, or for None that of an account without one. Raises
    Overloaded."""
    if password is None:
        return make_password(None)
    with slot(lane):
        return make_password(normal_form(password))


class BoundedArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id with 19 MiB, two passes and one lane: OWASP's minimum (Password Storage Cheat
    Sheet). With Django's default of 100 MiB two cores serve nine log-ins a second."""

    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1


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
