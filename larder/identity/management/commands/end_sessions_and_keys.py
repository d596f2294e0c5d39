"""Ends all credentials except passwords. Every restore must run it."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand

from larder.core.clock import now
from larder.identity.services.sessions import end_all_credentials


class Command(BaseCommand):
    """Run as the owner of the tables, after `prepare` and before any server starts. Repeatable."""

    help = (
        "After a restore: end all sessions, long-lived keys and sessions of "
        "the admin. A backup does not know which of them were ended after it. Their owners log in "
        "again and create new keys."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--database", default="owner", help="database alias of the connection")
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        sessions, keys = end_all_credentials(using=options["database"], now=now())
        if options["format"] == "json":
            self.stdout.write(json.dumps({"sessions": sessions, "keys": keys}))
        else:
            self.stdout.write(f"Ended: {sessions:,} log-ins, {keys:,} keys.")
