"""python -m tools.backup make [FILE] | restore FILE | prove FILE"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from larder.local.terminal import LauncherError, complain, say
from tools.backup import databases, dump, restore
from tools.backup.manifest import beside
from tools.backup.restore import Target

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Terminated(KeyboardInterrupt):
    """A signal to stop. Of this kind psycopg knows that the running statement is to be
    cancelled and waited for: no database is made after we looked for it."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def leave(number: int, _: FrameType | None) -> None:
    """End and delete the copy of all data, also after several signals."""
    for ending in ENDING:
        # Not SIG_IGN: of a signal that has come already Python would complain.
        signal.signal(ending, lambda *_: None)
    raise Terminated(number)


def main() -> int:
    """Run one command; failures are written to standard error, with status 1."""
    options = parse(sys.argv[1:])
    if options.file is None and options.command in ASKED_FOR:
        complain(ASKED_FOR[options.command])
        return 1
    for number in ENDING:
        signal.signal(number, leave)
    try:
        COMMANDS[options.command](options)
    except LauncherError as error:
        complain(str(error))
        return 1
    except Terminated as proved:
        complain("Stopped, and no copy of the data was left behind. Run it again.")
        return 128 + proved.number
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line. Options of a command may precede its file or follow it.

    Each command has a separate parser: where one parser has two positional arguments and the
    second is optional, argparse of Python 3.11, 3.12.1 and 3.13.0 takes the second as absent as
    soon as an option follows the first.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.backup")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        options = commands.add_parser(name, help=command.__doc__)
        options.add_argument("file", type=Path, nargs="?")
        if name == "make":
            options.add_argument(
                "--folder", type=Path, default=Path(".data/backups"), help="of unnamed backups"
            )
        if name == "restore":
            options.add_argument("--confirm", default="", help="name of what is replaced")
    return parser.parse_args(arguments)


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
    done = restore.restore(options.file, target(), confirm=options.confirm)
    say(f"Restored: {databases.name_in(target().owner)}.")
    say("Apps load their copies again: their first poll gets 410 since_expired.")
    ended = f"{done.ended.sessions:,} log-ins, {done.ended.keys:,} keys"
    say(f"Ended: {ended}. Their owners log in and make keys again.")
    if done.former:
        say(f"The replaced database is kept as {done.former}. Drop it when you do not need it.")
        say("Its audit trail lists what was changed since the backup: docs/operate/backup.md.")


def prove(options: argparse.Namespace) -> None:
    """Try whether a backup can be restored."""
    proved = restore.prove(options.file, target())
    say(f"{options.file} can be restored: {proved.rows:,} rows of {proved.taken_at}.")


COMMANDS = {"make": make, "restore": put_back, "prove": prove}
ASKED_FOR = {
    "restore": "Which backup? make restore FILE=…",
    "prove": "Which backup? make backup/prove FILE=…",
}

if __name__ == "__main__":
    sys.exit(main())
