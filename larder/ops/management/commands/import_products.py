"""Imports a file of products: all rows or none."""

import sys
from argparse import ArgumentParser
from functools import partial
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
from larder.core.spreadsheets import UNREADABLE, encoding_of
from larder.db.postgresql.errors import CommitUnknown
from larder.identity.services import audit
from larder.inventory.services.authors import Author
from larder.inventory.services.import_products import Imported, import_products

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
WIDTH = 30
PIECE = 1 << 20
"""Bytes that are read at once to find the encoding."""


class Bar:
    """Shows the progress on a terminal: half of it is reading, half is storing."""

    def __init__(self, rows: int) -> None:
        self._all = 2 * max(rows, 1)
        self._done = 0

    def read(self, rows: int) -> None:
        """Notes that rows were read and are valid."""
        self._show(rows, "reading")

    def stored(self, rows: int) -> None:
        """Notes that rows were stored."""
        self._show(rows, "storing")

    def _show(self, rows: int, doing: str) -> None:
        self._done = min(self._done + rows, self._all)
        full = WIDTH * self._done // self._all
        if sys.stderr.isatty():
            bar = "#" * full + "." * (WIDTH - full)
            sys.stderr.write(f"\r{doing} [{bar}] {100 * self._done // self._all:>3} %")
            sys.stderr.flush()

    def close(self) -> None:
        """Ends the line of the progress."""
        if sys.stderr.isatty() and self._done:
            sys.stderr.write("\n")


class Command(BaseCommand):
    """Needs only the rights of the server's role."""

    help = f"Import a CSV file of products, all rows or none. {USE}"
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="CSV, as spreadsheets save it")

    def handle(self, *args: Any, **options: Any) -> None:
        began = monotonic()
        try:
            made = self._import(options["file"])
        except FaultyFile as error:
            raise CommandError(_faults_text(error)) from error
        except OSError as error:
            raise CommandError(f"Nothing was imported: {error}. {UNREAD}") from error
        except CommitUnknown as error:
            raise CommandError(UNKNOWN) from error
        except (DatabaseError, InterfaceError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise CommandError(f"Nothing was imported: {reason}\n{AWAY}") from error
        counts = f"{made.created} new, {made.changed} changed, {made.unchanged} unchanged"
        self.stdout.write(f"{counts} ({monotonic() - began:.1f} s)")

    def _import(self, file: Path) -> Imported:
        with file.open("rb") as raw:
            bar = Bar(sum(1 for _ in raw))
            raw.seek(0)
            encoding = encoding_of(iter(partial(raw.read, PIECE), b""))
        try:
            with (
                audit.acting(SYSTEM_ACTOR, audit.COMMAND),
                file.open(newline="", encoding=encoding, errors=UNREADABLE) as lines,
            ):
                made, _ = import_products(
                    csv_table(lines),
                    author=Author(None, now()),
                    currency=settings.CURRENCY,
                    progress=bar,
                )
                return made
        finally:
            bar.close()


def _faults_text(error: FaultyFile) -> str:
    lines = [f"line {one.line}: {one.column or 'row'}: {one.detail}" for one in error.rows]
    return "\n".join([f"Nothing was imported: {len(lines)} fault(s).", *lines, HINT])
