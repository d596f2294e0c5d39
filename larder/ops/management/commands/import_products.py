"""Imports a file of products: all rows or none."""

from argparse import ArgumentParser
from pathlib import Path
from time import monotonic
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError

from larder.catalog.fields import REQUIRED
from larder.catalog.product_rows import COLUMNS, FaultyFile
from larder.catalog.tables import csv_table
from larder.core.clock import now
from larder.core.ids import SYSTEM_ACTOR
from larder.core.spreadsheets import decoded
from larder.db.errors import CommitUnknown
from larder.identity.services import audit
from larder.inventory.services.products import Author, ProductsImported, import_products

USE = f"""
Columns, in any order, named in the first line: {", ".join(COLUMNS)}. category is an id, a name or a
path. Products with a known SKU are changed in the file's columns, others are created, which needs
{", ".join(REQUIRED)}; quantity is the opening stock of new products. Separators, encodings and
decimal marks: docs/api/products.md, "Import products".
"""
HINT = (
    "Correct the lines, and import the whole file again. Its first line names the columns, such as "
    f"{','.join(REQUIRED)}; `manage.py import_products --help` lists all."
)
UNREAD = "Give the path of a file that this user may read."
AWAY = "Check that the database at DATABASE_URL answers, then import the file again."
UNKNOWN = """The answer to the commit was lost: it is not known whether the rows were imported.
Import the file again: rows that were imported change nothing, and no stock is added twice. The
repeat overwrites later changes by others in the columns of the file."""


class Command(BaseCommand):
    """Needs only the rights of the server's role."""

    help = f"Import a CSV file of products, all rows or none. {USE}"
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="CSV, as spreadsheets save it")

    def handle(self, *args: Any, **options: Any) -> None:
        began = monotonic()
        try:
            imported = self._import(options["file"])
        except FaultyFile as error:
            raise CommandError(_faults_text(error)) from error
        except OSError as error:
            raise CommandError(f"Nothing was imported: {error}. {UNREAD}") from error
        except CommitUnknown as error:
            raise CommandError(UNKNOWN) from error
        except (DatabaseError, InterfaceError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise CommandError(f"Nothing was imported: {reason}\n{AWAY}") from error
        counts = (
            f"{imported.created} new, {imported.changed} changed, {imported.unchanged} unchanged"
        )
        self.stdout.write(f"{counts} ({monotonic() - began:.1f} s)")

    def _import(self, file: Path) -> ProductsImported:
        table = csv_table(decoded(file.read_bytes()))
        with audit.acting(SYSTEM_ACTOR, audit.COMMAND):
            author, currency = Author(None, now()), settings.CURRENCY
            return import_products(table, author=author, currency=currency, has_time_limit=False)[0]


def _faults_text(error: FaultyFile) -> str:
    lines = [f"line {row.line}: {row.column or 'row'}: {row.detail}" for row in error.rows]
    return "\n".join([f"Nothing was imported: {len(lines)} fault(s).", *lines, HINT])
