"""Django's migrate, as the owner of the tables. If all apps are migrated, it then grants the rights
of other roles."""

from time import monotonic, sleep
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from django.db.migrations.recorder import MigrationRecorder

from larder.db import database
from larder.ops import roles

LOCK_TIMEOUT = "2s"
"""How long a statement waits for a lock. While it waits, requests that need the table wait behind
it. A migration that builds an index concurrently sets it to 0, as that blocks nothing."""

PAUSE = 3
"""Seconds between two attempts, in which waiting requests are answered."""

LONGEST = 300
"""Seconds after which the command gives up: a dump of the database holds locks for longer."""

FORMER = ("orders", "0001_initial")
"""A migration that every database of a version before 0.2.0 has."""

REFUSED = (
    "This database was made by a version before 0.2.0, whose tables this one cannot take over. "
    "No table was changed. Go on with the version that made it, or give this one an empty database "
    "(`make run`: another folder, DATA=…)."
)


class Command(migrate.Command):
    """Runs as the owner, because the server's role can neither make nor change tables."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrates, and tries again while another transaction holds a lock.

        Raises CommandError for a database of a version before 0.2.0, and when a lock was not free
        for LONGEST. Migrations that were made stay.
        """
        if FORMER in MigrationRecorder(connections[options["database"]]).applied_migrations():
            raise CommandError(REFUSED)
        until = monotonic() + LONGEST
        while not self._migrated(args, options):
            if monotonic() > until:
                raise CommandError(
                    f"A migration needs the lock of a table that others held for {LONGEST} s. "
                    "Wait for the end of a backup or a report (pg_stat_activity lists them), "
                    "then run the command again."
                )
            self.stderr.write(f"A table is locked. Next attempt in {PAUSE} s.")
            sleep(PAUSE)
        if not options["app_label"]:
            roles.grant(using=options["database"])

    def _migrated(self, args: tuple[Any, ...], options: dict[str, Any]) -> bool:
        try:
            with connections[options["database"]].cursor() as cursor:
                cursor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
            super().handle(*args, **options)
        except OperationalError as error:
            if database.is_lock_timeout(error):
                return False
            raise
        return True
