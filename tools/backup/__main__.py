"""python -m tools.backup make [FILE] | restore FILE | prove FILE"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from tools.backup import databases, dump, restore
from tools.backup.manifest import beside
from tools.backup.restore import Target
from tools.errors import LauncherError
from tools.terminal import complain, say


def main() -> int:
    """Run one command; failures are told on standard error, with status 1."""
    parser = argparse.ArgumentParser(prog="python -m tools.backup")
    parser.add_argument("command", choices=list(COMMANDS))
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument(
        "--folder", type=Path, default=Path(".data/backups"), help="of backups without a name"
    )
    parser.add_argument("--confirm", default="", help="name of the database to be replaced")
    options = parser.parse_args()
    if options.file is None and options.command != "make":
        complain(f"Which backup? make {options.command} FILE=…")
        return 1
    try:
        COMMANDS[options.command](options)
    except LauncherError as error:
        complain(str(error))
        return 1
    return 0


def target() -> Target:
    """The database that the environment names. Raises LauncherError."""
    app = os.environ.get("DATABASE_URL") or ""
    owner = os.environ.get("OWNER_DATABASE_URL") or app
    if not databases.name_in(owner):
        raise LauncherError("Set DATABASE_URL, or OWNER_DATABASE_URL for the owner of the tables.")
    return Target(owner, app or owner)


def make(options: argparse.Namespace) -> None:
    """Make a backup, under the name of its moment unless it is given one."""
    name = f"larder-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.dump"
    file = options.file or options.folder / name
    made = dump.make(target().owner, file)
    say(f"{file}: {made.rows:,} rows of {made.taken_at}, {made.bytes:,} bytes; {beside(file).name}")


def put_back(options: argparse.Namespace) -> None:
    """Restore a backup."""
    aside = restore.restore(options.file, target(), confirm=options.confirm)
    say(f"Restored: {databases.name_in(target().owner)}. Apps copy anew (410 since_expired).")
    if aside:
        say(f"What was there before is in {aside}; drop it once you do not need it any more.")


def prove(options: argparse.Namespace) -> None:
    """Try whether a backup can be restored."""
    told = restore.prove(options.file, target())
    say(f"{options.file} can be restored: {told.rows:,} rows of {told.taken_at}.")


COMMANDS = {"make": make, "restore": put_back, "prove": prove}

if __name__ == "__main__":
    sys.exit(main())
