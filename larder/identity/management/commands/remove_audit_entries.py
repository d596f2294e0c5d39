"""Removes old months of the audit trail: the only way to delete entries."""

import re
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management import BaseCommand, CommandError

from larder.core.clock import now
from larder.identity.services import audit

MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])\Z")


class Command(BaseCommand):
    """Run as the owner of the tables; the server's role has no right to delete entries."""

    help = (
        "Remove the entries of the audit trail from before a month, such as 2026-01 (UTC). The "
        "months from then on stay. Connects with OWNER_DATABASE_URL."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("before", metavar="YYYY-MM", help="the first month that stays")
        parser.add_argument("--database", default="owner", help="database alias of the connection")

    def handle(self, *args: Any, **options: Any) -> None:
        if not MONTH.match(options["before"]):
            raise CommandError("This is no month. Give the first that stays, such as 2026-01.")
        before = datetime.strptime(options["before"], "%Y-%m").replace(tzinfo=UTC)
        if before > now():
            raise CommandError("This month has not begun. Give the first month that stays.")
        removed = audit.remove_before(before, using=options["database"])
        self.stdout.write(f"Removed: {removed:,} entries of the audit trail.")
