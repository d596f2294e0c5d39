"""Restores a backup into a database of its own, proves it there, and only then puts it in place."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql

from tools.backup import census, databases, manifest, programs
from tools.backup.manifest import CHECKOUT, Manifest
from tools.errors import LauncherError
from tools.replay import invariants
from tools.replay.report import shown
from tools.terminal import step

JOBS = 2


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


def restore(file: Path, target: Target, *, confirm: str) -> str | None:
    """Put the backup in the place of the target's database; return the name the old one has now.

    None where it was empty, and was dropped. Raises LauncherError before anything of the target is
    touched: the file is not whole, it is of a later version, the target is not empty and `confirm`
    is not its name, or somebody is connected to it; and when what was restored is not the backup.
    """
    name = databases.name_in(target.owner)
    told = check(file)
    try:
        empty = databases.tables(target.owner) == 0
        if not empty and confirm != name:
            raise LauncherError(
                f"Database {name} is not empty. To put the backup in its place, say so: "
                f"CONFIRM={name}. What is there now is kept under another name."
            )
        refuse_visitors(target)
        with proved(file, told, target) as fresh:
            refuse_visitors(target)
            aside = f"{name}_before_{datetime.now(UTC):%Y%m%dT%H%M%S}"
            databases.swap(target.owner, new=fresh, old=name, aside=aside)
        if not empty:
            return aside
        databases.drop(target.owner, aside)
    except psycopg.Error as error:
        raise LauncherError(f"The restore failed: {str(error).strip()}") from None
    return None


def prove(file: Path, target: Target) -> Manifest:
    """Restore the backup beside the target's database, prove it, and drop it again.

    Raises LauncherError as restore() does; the target itself may have anything in it.
    """
    told = check(file)
    try:
        with proved(file, told, target) as fresh:
            databases.drop(target.owner, fresh)
    except psycopg.Error as error:
        raise LauncherError(f"The restore failed: {str(error).strip()}") from None
    return told


def check(file: Path) -> Manifest:
    """Hold the file against its manifest, and the manifest against this version of Larder."""
    with step("Checksum compared"):
        told = manifest.read(file)
    later = manifest.unknown_migrations(told.migrations, manifest.our_apps())
    if later:
        raise LauncherError(
            f"{file} is of a later version of Larder than this one, which does not know "
            f"{', '.join(later)}: restore it with that version ({told.larder})."
        )
    return told


def refuse_visitors(target: Target) -> None:
    """Raise LauncherError while somebody is connected to the database."""
    found = databases.visitors(target.owner)
    if found:
        raise LauncherError(
            f"Somebody is connected to {databases.name_in(target.owner)}: {', '.join(found)}. "
            "Stop the servers and workers first."
        )


@contextmanager
def proved(file: Path, told: Manifest, target: Target) -> Iterator[str]:
    """Give the name of a new database with the backup in it; it is dropped if anything fails."""
    fresh = f"{databases.name_in(target.owner)}_restored_{os.getpid()}"
    databases.make(target.owner, fresh)
    there = target.at(fresh)
    try:
        with step("Restored"):
            options = ["--no-owner", "--no-privileges", "--exit-on-error", f"--jobs={JOBS}"]
            programs.run("pg_restore", there.owner, [*options, f"--dbname={fresh}", file])
        with step(f"{told.rows:,} rows compared"):
            compare(told, there)
        with step("Roles, migrations, rights"):
            prepare(there)
        with step("Statistics"):
            analyse(told, there)
        with step("Invariants hold"):
            hold(there)
        yield fresh
    except BaseException:
        databases.drop(target.owner, fresh)
        raise


def compare(told: Manifest, there: Target) -> None:
    """Every row of every table is what it was when the backup was made."""
    with psycopg.connect(there.owner) as connection:
        found = census.take(connection)
    other = list(census.differences(told.tables, found))
    if other:
        raise LauncherError("\n".join(["What was restored is not the backup:", *shown(other)]))


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
        raise LauncherError(f"The restored database could not be prepared: {last}")


def analyse(told: Manifest, there: Target) -> None:
    """What the planner knows of tables is in no backup; of empty ones it had better not know."""
    with psycopg.connect(there.owner, autocommit=True) as connection:
        for table, (rows, _) in told.tables.items():
            if rows:
                name = sql.Identifier(*table.split(".", 1))
                connection.execute(sql.SQL("ANALYZE {}").format(name))


def hold(there: Target) -> None:
    """Nothing is oversold, lost or doubled in what was restored."""
    violated = invariants.check(there.owner, orders=0)
    if violated:
        raise LauncherError("\n".join(["The invariants do not hold:", *shown(violated)]))
