"""Ends everything that opens an account but its password: what each restore has to do."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand

from larder.core.clock import now
from larder.identity.services import restored


class Command(BaseCommand):
    """As the owner of the tables, after `prepare` and before any server starts. Safe to repeat."""

    help = (
        "After a restore: end every log-in, long-lived key, link of a mail and session of the "
        "admin, for a backup does not know which were ended since. Their owners make new ones."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--database", default="owner", help="whose connection; the owner's")
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        ended = restored.end_sessions_and_keys(using=options["database"], now=now())
        if options["format"] == "json":
            self.stdout.write(json.dumps({"sessions": ended.sessions, "keys": ended.keys}))
        else:
            self.stdout.write(f"Ended: {ended.sessions:,} log-ins, {ended.keys:,} keys.")
