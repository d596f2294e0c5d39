"""What opened an account when the backup was made, and was ended since: it must not open it again.

A backup does not know which log-ins and keys ended after it, and no later one says so: a thief's
would be live again. So all of them end.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

# Marked as ended and not deleted: servers look for those that ended in the last minutes, for
# access tokens are signed and would live on.
_SESSIONS = "UPDATE identity.session SET ended_at = now() WHERE ended_at IS NULL"
_KEYS = "UPDATE identity.key SET ended_at = now() WHERE ended_at IS NULL"
# The token of a mail is made of the password it is to replace, and that one is back.
_RESETS = "DELETE FROM identity.password_reset"
_ADMIN = "DELETE FROM public.django_session"
# An access token names an account by its number: that of somebody who registered after the backup
# must not be the number of whoever registers next.
_NUMBERS = (
    "SELECT setval('identity.customer_id_seq', last_value + %s) FROM identity.customer_id_seq"
)
NUMBERS_LEFT_OUT = 1_000_000


@dataclass(frozen=True)
class Ended:
    """How many were live in the backup."""

    sessions: int
    keys: int


def end(url: str) -> Ended:
    """End every log-in, key, link of a mail and session of the admin; all of them or none."""
    with psycopg.connect(url) as connection:
        connection.execute("SET LOCAL statement_timeout = 0")
        ended = Ended(
            sessions=connection.execute(_SESSIONS).rowcount,
            keys=connection.execute(_KEYS).rowcount,
        )
        connection.execute(_RESETS)
        connection.execute(_ADMIN)
        connection.execute(_NUMBERS, [NUMBERS_LEFT_OUT])
    return ended
