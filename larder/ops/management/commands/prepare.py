"""Prepares a database for servers: an empty one, an older one, or a restored one."""

from functools import partial
from time import monotonic
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser, call_command
from django.db import connections

from larder.core.clock import now
from larder.ops import roles
from larder.ops.checks import demo_is_not_public
from larder.ops.demo import shop as demo
from larder.ops.demo.orders import load_orders

AGAIN = "Correct the settings, then run the command again."
MARK = "Restored: manage.py prepare has yet to end log-ins and keys."
"""The comment of a database whose restore could not run Larder's code: its container has only
PostgreSQL (deploy/postgresql/backup.sh). A comment is in no backup. Before this command, the
servers' role has no rights in the database."""
READ_COMMENT = """
SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()
"""
REMOVE_COMMENT = """
DO $$ BEGIN EXECUTE format('COMMENT ON DATABASE %I IS NULL', current_database()); END $$
"""


class Command(BaseCommand):
    """Makes roles, migrates, grants rights, finishes a restore; in demo mode loads the demo data.

    Can be repeated. Raises CommandError first, for a demo that could be public.
    """

    help = (
        "Make roles, migrate, grant rights; end log-ins and keys after a restore; in demo mode "
        "load the demo data. Can be repeated."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--only", choices=("tables", "demo"), help="a part of it")

    def handle(self, *args: Any, **options: Any) -> None:
        if public := demo_is_not_public():
            raise CommandError("\n".join([*map(str, public), AGAIN]))
        if options["only"] != "demo":
            self._prepare_tables()
        if settings.DEMO and options["only"] != "tables":
            self._step("demo catalogue", lambda: demo.load_products(now=now()))
            self._step("demo users", demo.load_users)
            self._step("demo orders", lambda: load_orders(now=now()))

    def _prepare_tables(self) -> None:
        self._step("database roles", roles.make_roles)
        self._step("migrations", lambda: call_command("migrate", verbosity=0))
        with connections["owner"].cursor() as cursor:
            cursor.execute(READ_COMMENT)
            if cursor.fetchone() == (MARK,):
                end = partial(call_command, "end_sessions_and_keys", database="owner")
                self._step("log-ins and keys ended", end)
                cursor.execute(REMOVE_COMMENT)

    def _step(self, name: str, work: Any) -> None:
        began = monotonic()
        done = work()
        new = f" ({done} new)" if isinstance(done, int) else ""
        self.stdout.write(f"{name}{new}: {monotonic() - began:.1f} s")
