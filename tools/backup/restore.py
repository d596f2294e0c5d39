"""Restores a backup into a separate database, proves it there, and only then puts it in place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql

from larder.local.terminal import LauncherError, step
from tools.backup import databases, dump, manifest
from tools.backup.manifest import CHECKOUT, Manifest

JOBS = 2
SHOWN = 20
"""Lines of what differs."""


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
    """The name that the replaced database has now, None where it was empty and was dropped; and
    what was live in the backup."""

    former: str | None
    ended: Ended


def restore(file: Path, target: Target, *, confirm: str) -> Restored:
    """Put the backup in the place of the target's database.

    Raises LauncherError before anything of the target is touched: the file is not whole, it is of
    another version, the target is not empty and `confirm` is not its name, or a session is
    connected to it; and when what was restored is not the backup.
    """
    name, expected = databases.name_in(target.owner), check(file)
    try:
        refuse_what_is_used(target, confirm)
        with databases.copy_of(target.owner) as copy:
            ended = fill(file, expected, target.at(copy), copy)
            refuse_what_is_used(target, confirm)
            former = f"{name}_before_{datetime.now(UTC):%Y%m%dT%H%M%S}"
            databases.swap(target.owner, new=copy, old=name, former=former)
        # Looked at again: what came into it while the backup was proved is kept.
        dropped = databases.drop_empty(target.owner, former)
    except psycopg.Error as error:
        raise LauncherError(f"The restore failed. Read why: {str(error).strip()}") from None
    return Restored(None if dropped else former, ended)


def prove(file: Path, target: Target) -> Manifest:
    """Restore the backup beside the target's database, prove it, and drop it again.

    Raises LauncherError as restore() does; the target itself may have anything in it.
    """
    expected = check(file)
    try:
        with databases.copy_of(target.owner) as copy:
            fill(file, expected, target.at(copy), copy)
            databases.drop_forcibly(target.owner, copy)
    except psycopg.Error as error:
        raise LauncherError(f"The restore failed. Read why: {str(error).strip()}") from None
    return expected


def check(file: Path) -> Manifest:
    """Hold the file against its manifest, and the manifest against this version of Larder."""
    with step("Checksum compared"):
        expected = manifest.read(file)
    unknown = manifest.unknown_migrations(expected.migrations, manifest.our_apps())
    if unknown:
        raise LauncherError(
            f"{file} has a database of another version: this one does not know {unknown[0]}. "
            f"Restore it with that version ({expected.larder} made the backup)."
        )
    return expected


def refuse_what_is_used(target: Target, confirm: str) -> None:
    """Raise LauncherError where the database is not to be replaced: full, or in use."""
    name = databases.name_in(target.owner)
    found = databases.visitors(target.owner)
    if found:
        raise LauncherError(
            f"A session is connected to {name}: {', '.join(found)}. "
            "Stop the servers and workers first."
        )
    if confirm != name and databases.tables(target.owner):
        raise LauncherError(
            f"Database {name} is not empty. To replace it by the backup, set "
            f"CONFIRM={name}. It is kept under another name."
        )


def fill(file: Path, expected: Manifest, there: Target, fresh: str) -> Ended:
    """Restore into the new database, and prove what is in it then."""
    with step("Restored"):
        options = ["--no-owner", "--no-privileges", "--exit-on-error", f"--jobs={JOBS}"]
        dump.run("pg_restore", there.owner, [*options, f"--dbname={fresh}", file])
    with step(f"{expected.rows:,} rows compared"):
        compare(expected, there)
    with step("Roles, migrations, rights"):
        manage(there, "prepare")
    with step("Sessions and keys ended"):
        ended = end_credentials(there)
    with step("Statistics"):
        analyse(expected, there)
    with step("Invariants hold"):
        hold(there)
    return ended


def end_credentials(there: Target) -> Ended:
    """End every log-in, key, link of a mail and session of the admin; all of them or none."""
    counts = json.loads(manage(there, "end_sessions_and_keys", "--format", "json"))
    return Ended(sessions=counts["sessions"], keys=counts["keys"])


def manage(there: Target, *words: str) -> str:
    """Run a management command; return what it prints. Raises LauncherError."""
    done = run(there, *words)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise LauncherError(f"{words[0]} failed on what was restored. Read why: {last}")
    return done.stdout


def compare(expected: Manifest, there: Target) -> None:
    """Every row of every table is what it was when the backup was made."""
    with psycopg.connect(there.owner) as connection:
        found = manifest.take_census(connection)
    other = list(manifest.differences(expected.tables, found))
    if other:
        raise LauncherError(
            "Rows are not those of the backup. Restore another:\n" + "\n".join(other[:SHOWN])
        )


def analyse(expected: Manifest, there: Target) -> None:
    """What the planner knows of tables is in no backup; of empty ones it had better not know."""
    with psycopg.connect(there.owner, autocommit=True) as connection:
        for table, (rows, _) in expected.tables.items():
            if rows:
                name = sql.Identifier(*table.split(".", 1))
                connection.execute(sql.SQL("ANALYZE {}").format(name))


def hold(there: Target) -> None:
    """Nothing is oversold, lost or doubled in what was restored."""
    checked = run(there, "check_invariants")
    if checked.returncode != 0:
        raise LauncherError(
            f"Invariants do not hold. Restore another backup:\n{checked.stdout}{checked.stderr}"
        )


def run(there: Target, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a management command, which never makes the demo's data."""
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=CHECKOUT,
        env={**there.environment, "DEMO": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
