"""After a restore: ends all credentials except passwords, before the servers start.

A backup does not contain which sessions and keys ended after it. A stolen one that was ended would
be live again. So all of them end.
"""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.sessions.models import Session as AdminSession
from django.db import connections, transaction

from larder.identity.models import Customer, Key, PasswordReset, RecoveryCode, Session
from larder.identity.queries.sessions import RESTORE
from larder.identity.sql import LEAVE_NUMBERS_OUT

NUMBERS_LEFT_OUT = 1_000_000
"""Customer ids that are skipped. An access token contains the id of its account. The next account
must not get the id of an account that was created after the backup."""


@dataclass(frozen=True, slots=True)
class EndedCredentials:
    """The numbers of sessions and keys that were live in the backup."""

    sessions: int
    keys: int


def end_sessions_and_keys(*, using: str, now: datetime) -> EndedCredentials:
    """Ends all sessions, keys, reset links, recovery codes and sessions of the admin, in one
    transaction.

    `using` is the owner's connection: the server's role may not change a sequence.
    """
    with transaction.atomic(using=using, durable=True):
        with connections[using].cursor() as cursor:
            # One statement changes all accounts. No server runs, so nothing waits for it.
            cursor.execute("SET LOCAL statement_timeout = '15min'")
            cursor.execute(LEAVE_NUMBERS_OUT, [NUMBERS_LEFT_OUT])
        ended = EndedCredentials(
            sessions=_end_sessions(using, now),
            keys=Key.objects.using(using).ongoing().update(ended_at=now),
        )
        # A reset token depends on the old password, which the restore has brought back.
        PasswordReset.objects.using(using).all().delete()
        # The backup does not know which codes were used after it.
        RecoveryCode.objects.using(using).all().delete()
        AdminSession.objects.using(using).all().delete()
    return ended


def _end_sessions(using: str, now: datetime) -> int:
    """Ends all sessions. Returns their number.

    A session that began after the backup has no row. One that marks the restore makes servers look
    up the session of each token until no access token of that time is valid.
    """
    sessions = Session.objects.using(using)
    number = sessions.filter(ended_at=None).update(ended_at=now)
    account = Customer.objects.using(using).order_by("pk").first()
    if account is not None:
        times = dict.fromkeys(("created_at", "rotated_at", "expires_at", "ended_at"), now)
        sessions.create(customer=account, policy=RESTORE, **times)
    return number
