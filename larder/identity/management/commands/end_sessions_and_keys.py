"""Ends all credentials except passwords. Every restore must run it."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand

from larder.core.clock import now
from larder.identity.services import restored


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
        ended = restored.end_sessions_and_keys(using=options["database"], now=now())
        if options["format"] == "json":
            self.stdout.write(json.dumps({"sessions": ended.sessions, "keys": ended.keys}))
        else:
            self.stdout.write(f"Ended: {ended.sessions:,} log-ins, {ended.keys:,} keys.")
