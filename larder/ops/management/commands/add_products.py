"""Adds the missing products of the demo catalogue, in any mode."""

from typing import Any

from django.core.management import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError

from larder.core.clock import now
from larder.core.ids import SYSTEM_ACTOR
from larder.db.errors import CommitUnknown
from larder.identity.services import audit
from larder.ops.demo import shop as demo
from larder.ops.health import migrated

HINT = "Check DATABASE_URL, run `manage.py prepare` (it makes roles and tables), and try again."
UNKNOWN = """The answer to the commit was lost: it is not known whether the products were added.
Run the command again: it adds missing products, and says how many."""


class Command(BaseCommand):
    """Needs only the rights of the server's role."""

    help = "Add the demo catalogue with its opening stock. A repeat adds only missing products."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            new = self._add()
        except CommitUnknown as error:
            raise CommandError(UNKNOWN) from error
        except (DatabaseError, InterfaceError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise CommandError(f"Nothing was added: {reason}\n{HINT}") from error
        self.stdout.write(f"{new} new products")

    def _add(self) -> int:
        if not migrated():
            raise CommandError(f"Nothing was added: migrations are missing.\n{HINT}")
        with audit.acting(SYSTEM_ACTOR, audit.COMMAND):
            return demo.load_products(now=now())
