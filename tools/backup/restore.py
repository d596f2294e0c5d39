"""Restores a backup into a separate database, proves it there, and only then puts it in place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql

from tools import invariants
from tools.backup import accounts, census, databases, manifest, programs
from tools.backup.accounts import Account
from tools.backup.manifest import CHECKOUT, Manifest
from tools.errors import LauncherError
from tools.terminal import complain, say, step

JOBS = 2
SHOWN = 20
"""Lines of what differs or is violated."""


@dataclass(frozen=True)
class Target:
    """A database as its owner and as the server reach it; the same where there is one role."""

    owner: str
    app: str

    def at(self, name: str) -> Target:
        """The same, in another database of the server."""
        return Target(databases.elsewhere(self.owner, name), databases.elsewhere(self.app, name))

    @property
    def environment(self) -> dict[str, str]:
        """What commands of Larder's own find in their environment."""
        return {**os.environ, "DATABASE_URL": self.app, "OWNER_DATABASE_URL": self.owner}


@dataclass(frozen=True)
class Ended:
    """How many log-ins and keys were live in the backup."""

    sessions: int
    keys: int


@dataclass(frozen=True)
class Restored:
    """What became of the database that was replaced, and of what opened accounts.

    `former` is its name now; None where it was empty, and was dropped. `ended` was live in the
    backup. `changed` are accounts that the backup has otherwise than the replaced database; None
    where that has none to compare, or cannot be read.
    """

    former: str | None
    ended: Ended
    changed: list[Account] | None


@dataclass(frozen=True)
class Copy:
    """A database with the backup in it, proved; what was live in it was ended."""

    name: str
    ended: Ended


def restore(file: Path, target: Target, *, confirm: str) -> Restored:
    """Put the backup in the place of the target's database.

    Raises LauncherError before anything of the target is touched: the file is not whole, it is of a
    later version, the target is not empty and `confirm` is not its name, or a session is connected
    to it; and when what was restored is not the backup.
    """
    name = databases.name_in(target.owner)
    expected = check(file)
    try:
        begin(target)
        refuse_what_is_used(target, confirm)
        with proved(file, expected, target) as copy:
            found = taken_back(target, copy.name)
            refuse_what_is_used(target, confirm)
            former = f"{name}_before_{datetime.now(UTC):%Y%m%dT%H%M%S}"
            databases.swap(target.owner, new=copy.name, old=name, former=former)
        # Looked at again: what came into it while the backup was proved is kept.
        dropped = databases.drop_empty(target.owner, former)
    except psycopg.Error as error:
        raise LauncherError(f"The restore failed. Read why: {str(error).strip()}") from None
    return Restored(None if dropped else former, copy.ended, found)


def prove(file: Path, target: Target) -> Manifest:
    """Restore the backup beside the target's database, prove it, and drop it again.

    Raises LauncherError as restore() does; the target itself may have anything in it.
    """
    expected = check(file)
    try:
        begin(target)
        with proved(file, expected, target) as copy:
            databases.drop_forcibly(target.owner, copy.name)
    except psycopg.Error as error:
        raise LauncherError(f"The restore failed. Read why: {str(error).strip()}") from None
    return expected


def begin(target: Target) -> None:
    """Drop what an earlier run left when it was killed: each is a copy of all data."""
    databases.refuse_another(target.owner, databases.name_in(target.owner))
    try:
        for name in databases.drop_left(target.owner):
            say(f"Dropped {name}, which an earlier run left behind.")
    except psycopg.Error as error:
        complain(f"Drop what an earlier run left by hand: {str(error).strip()}")


def check(file: Path) -> Manifest:
    """Hold the file against its manifest, and the manifest against this version of Larder."""
    with step("Checksum compared"):
        expected = manifest.read(file)
    unknown = manifest.unknown_migrations(expected.migrations, manifest.our_apps())
    if unknown:
        raise LauncherError(
            f"{file} is of another version of Larder than this one, which does not know "
            f"{', '.join(unknown)}: restore it with that version ({expected.larder})."
        )
    return expected


def refuse_what_is_used(target: Target, confirm: str) -> None:
    """Raise LauncherError where the database is not to be replaced: full, or in use."""
    name = databases.name_in(target.owner)
    if confirm != name and databases.tables(target.owner):
        raise LauncherError(
            f"Database {name} is not empty. To replace it by the backup, set "
            f"CONFIRM={name}. It is kept under another name."
        )
    found = databases.visitors(target.owner)
    if found:
        raise LauncherError(
            f"A session is connected to {name}: {', '.join(found)}. "
            "Stop the servers and workers first."
        )


@contextmanager
def proved(file: Path, expected: Manifest, target: Target) -> Iterator[Copy]:
    """Give a new database with the backup in it; it is dropped if anything fails."""
    fresh = f"{databases.name_in(target.owner)}{databases.RESTORED}{os.getpid()}"
    with databases.claimed(target.owner, fresh) as ours:
        if not ours or databases.exists(target.owner, fresh):
            raise LauncherError(f"Database {fresh} exists already: try again, or drop it.")
        try:
            databases.make(target.owner, fresh)
            yield Copy(fresh, fill(file, expected, target.at(fresh), fresh))
        except BaseException as error:
            # What was interrupted keeps its connection open as long as its frames are kept, and
            # PostgreSQL drops nothing before one that is half made has ended (a minute).
            traceback.clear_frames(error.__traceback__)
            databases.drop_forcibly(target.owner, fresh)
            raise


def fill(file: Path, expected: Manifest, there: Target, fresh: str) -> Ended:
    """Restore into the new database, and prove what is in it then."""
    databases.refuse_another(there.owner, fresh)
    with step("Restored"):
        options = ["--no-owner", "--no-privileges", "--exit-on-error", f"--jobs={JOBS}"]
        programs.run("pg_restore", there.owner, [*options, f"--dbname={fresh}", file])
    with step(f"{expected.rows:,} rows compared"):
        compare(expected, there)
    with step("Roles, migrations, rights"):
        prepare(there)
    databases.refuse_another(there.app, fresh)  # Before, its role may not have been there.
    with step("Sessions and keys ended"):
        ended = end_credentials(there.environment)
    with step("Statistics"):
        analyse(expected, there)
    with step("Invariants hold"):
        hold(there)
    return ended


def end_credentials(environment: dict[str, str]) -> Ended:
    """End every log-in, key, link of a mail and session of the admin; all of them or none.

    The environment names the database (`OWNER_DATABASE_URL`). Raises LauncherError.
    """
    done = subprocess.run(
        [sys.executable, "manage.py", "end_sessions_and_keys", "--format", "json"],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise LauncherError(f"Log-ins and keys could not be ended. Read why, and try again: {last}")
    counts = json.loads(done.stdout)
    return Ended(sessions=counts["sessions"], keys=counts["keys"])


def taken_back(target: Target, fresh: str) -> list[Account] | None:
    """The accounts that are not as they were; a damaged database is no reason not to replace it."""
    if not databases.tables(target.owner):
        return None
    restored = databases.elsewhere(target.owner, fresh)
    try:
        return accounts.changed(replaced=target.owner, restored=restored)
    except psycopg.Error as error:
        complain(f"Check its accounts by hand, they cannot be read: {str(error).strip()}")
        return None


def compare(expected: Manifest, there: Target) -> None:
    """Every row of every table is what it was when the backup was made."""
    with psycopg.connect(there.owner) as connection:
        found = census.take(connection)
    other = list(census.differences(expected.tables, found))
    if other:
        raise LauncherError(
            "Rows are not those of the backup. Restore another:\n" + "\n".join(other[:SHOWN])
        )


def prepare(there: Target) -> None:
    """Roles, their rights, and the migrations that came since; never the demo's data."""
    done = subprocess.run(
        [sys.executable, "manage.py", "prepare"],
        cwd=CHECKOUT,
        env={**there.environment, "DEMO": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise LauncherError(f"The restored database could not be prepared. Read why: {last}")


def analyse(expected: Manifest, there: Target) -> None:
    """What the planner knows of tables is in no backup; of empty ones it had better not know."""
    with psycopg.connect(there.owner, autocommit=True) as connection:
        for table, (rows, _) in expected.tables.items():
            if rows:
                name = sql.Identifier(*table.split(".", 1))
                connection.execute(sql.SQL("ANALYZE {}").format(name))


def hold(there: Target) -> None:
    """Nothing is oversold, lost or doubled in what was restored."""
    violated = invariants.check(there.owner, orders=0)
    if violated:
        raise LauncherError(
            "Invariants do not hold. Restore another backup:\n" + "\n".join(violated[:SHOWN])
        )
