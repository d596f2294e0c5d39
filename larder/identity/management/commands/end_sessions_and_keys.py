"""Ends all credentials except passwords. Every restore must run it.

A backup does not contain which sessions and keys ended after it. A stolen one that was ended would
be live again. So all of them end.
"""

import json
from argparse import ArgumentParser
from typing import Any

from django.contrib.sessions.models import Session as AdminSession
from django.core.management import BaseCommand
from django.db import connections, transaction

from larder.core.clock import now
from larder.identity.models import Key, PasswordReset, RecoveryCode, Session

NUMBERS_LEFT_OUT = 1_000_000
"""Customer ids that are skipped. An access token contains the id of its account. The next account
must not get the id of an account that was created after the backup."""

LEAVE_NUMBERS_OUT = """
SELECT setval('identity.customer_id_seq', last_value + %s) FROM identity.customer_id_seq
"""


class Command(BaseCommand):
    """Run as the owner of the tables, after `prepare` and before any server starts. Repeatable."""

    help = (
        "After a restore: end all sessions, long-lived keys, password reset links and sessions of "
        "the admin. A backup does not know which of them were ended after it. Their owners log in "
        "again and create new keys."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--database", default="owner", help="database alias of the connection")
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        sessions, keys = _end_all(options["database"])
        if options["format"] == "json":
            self.stdout.write(json.dumps({"sessions": sessions, "keys": keys}))
        else:
            self.stdout.write(f"Ended: {sessions:,} log-ins, {keys:,} keys.")


def _end_all(using: str) -> tuple[int, int]:
    """Ends all of them in one transaction. Returns the numbers of sessions and keys."""
    with transaction.atomic(using=using, durable=True):
        with connections[using].cursor() as cursor:
            # One statement changes all accounts. No server runs, so nothing waits for it.
            cursor.execute("SET LOCAL statement_timeout = '15min'")
            cursor.execute(LEAVE_NUMBERS_OUT, [NUMBERS_LEFT_OUT])
        sessions = Session.objects.using(using).filter(ended_at=None).update(ended_at=now())
        keys = Key.objects.using(using).ongoing().update(ended_at=now())
        # A reset token depends on the old password, which the restore has brought back.
        PasswordReset.objects.using(using).all().delete()
        # The backup does not know which codes were used after it.
        RecoveryCode.objects.using(using).all().delete()
        AdminSession.objects.using(using).all().delete()
    return sessions, keys
