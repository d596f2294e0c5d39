"""After a restore: what opened an account when the backup was made must not open it again.

A backup does not know which log-ins and keys ended after it, and no later one says so: a thief's
would be live again. So all of them end, before the shop opens.
"""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.sessions.models import Session as AdminSession
from django.db import connections, transaction

from larder.identity.models import Key, PasswordReset, Session
from larder.identity.sql import LEAVE_NUMBERS_OUT

NUMBERS_LEFT_OUT = 1_000_000
"""An access token names an account by its number: that of somebody who registered after the backup
must not be the number of whoever registers next."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How many were live in the backup."""

    sessions: int
    keys: int


def end_sessions_and_keys(*, using: str, now: datetime) -> Ended:
    """Ends every log-in, key, link of a mail and session of the admin; all of them or none.

    `using` is the owner's connection: the server's role may not move a sequence.
    """
    with transaction.atomic(using=using, durable=True):
        with connections[using].cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute(LEAVE_NUMBERS_OUT, [NUMBERS_LEFT_OUT])
        # Marked as ended and not deleted: servers look for those that ended in the last minutes,
        # for access tokens are signed and would live on.
        ended = Ended(
            sessions=Session.objects.using(using).filter(ended_at=None).update(ended_at=now),
            keys=Key.objects.using(using).filter(ended_at=None).update(ended_at=now),
        )
        # The token of a mail is made of the password it is to replace, and that one is back.
        PasswordReset.objects.using(using).all().delete()
        AdminSession.objects.using(using).all().delete()
    return ended
