"""After a restore: what opened an account when the backup was made must not open it again.

A backup does not know which log-ins and keys ended after it, and no later one says so: a thief's
would be live again. So all of them end, before the shop opens.
"""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.sessions.models import Session as AdminSession
from django.db import connections, transaction
from django.db.models import Exists, F, OuterRef

from larder.identity.models import Customer, Key, PasswordReset, Session
from larder.identity.sql import LEAVE_NUMBERS_OUT

NUMBERS_LEFT_OUT = 1_000_000
"""An access token names an account by its number: that of somebody who registered after the backup
must not be the number of whoever registers next."""

EPOCHS_LEFT_OUT = 1_000_000
"""An access token issued since the backup may be of an epoch that the backup does not know."""


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
        ended = Ended(
            sessions=_end_sessions(using, now),
            keys=Key.objects.using(using).filter(ended_at=None).update(ended_at=now),
        )
        # The token of a mail is made of the password it is to replace, and that one is back.
        PasswordReset.objects.using(using).all().delete()
        AdminSession.objects.using(using).all().delete()
    return ended


def _end_sessions(using: str, now: datetime) -> int:
    """Raises the epoch of every account that has a log-in. Returns how many log-ins ended."""
    ongoing = Session.objects.using(using).ongoing()
    sessions = ongoing.count()
    of_account = ongoing.filter(customer=OuterRef("pk"))
    Customer.objects.using(using).filter(Exists(of_account)).update(
        session_epoch=F("session_epoch") + EPOCHS_LEFT_OUT, epoch_raised_at=now
    )
    return sessions
