"""Makes a backup: everything of one moment, while the shop is open, and read again afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from larder.local import programs
from larder.local.folders import sync
from larder.local.terminal import LauncherError, step
from tools.backup import manifest
from tools.backup.manifest import Manifest


def make(url: str, file: Path) -> Manifest:
    """Write the backup and its manifest; neither is there under its name before it is whole.

    The dump and the census see the same snapshot, so that a restore can be held against the
    census row by row. Raises LauncherError.
    """
    if file.exists() or manifest.beside(file).exists():
        raise LauncherError(f"{file} exists already: name another file.")
    make_room(file.parent)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.touch(mode=0o600)  # It has all accounts' addresses and the hashes of their passwords.
    try:
        with psycopg.connect(url) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            made = dump(connection, url, draft, name=file.name)
        with step("Read again"):
            run("pg_restore", url, ["--file=/dev/null", draft])
        put(draft, file, made)
    except psycopg.Error as error:
        raise LauncherError(f"The backup failed. Read why: {str(error).strip()}") from None
    finally:
        draft.unlink(missing_ok=True)
    return made


def make_room(folder: Path) -> None:
    """Make the folder for backups, readable by its owner only."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise LauncherError(f"{folder} cannot be made: {error.strerror}. Name another.") from None


def dump(connection: psycopg.Connection, url: str, draft: Path, *, name: str) -> Manifest:
    """Dump the snapshot of this transaction, and describe it."""
    row = connection.execute(
        "SELECT pg_export_snapshot(), to_char(now() AT TIME ZONE 'UTC', "
        "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), current_setting('server_version')"
    ).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has a row
    snapshot, taken_at, server = row
    applied = manifest.migrations(connection)
    with step("Rows counted"):
        tables = manifest.take_census(connection)
    with step("Dumped"):
        what = ["--format=custom", "--no-owner", "--no-privileges", "--lock-wait-timeout=60s"]
        run("pg_dump", url, [*what, f"--snapshot={snapshot}", f"--file={draft}"])
    return Manifest(
        taken_at=taken_at,
        larder=manifest.version(),
        postgresql=server.split(" ")[0],
        database=connection.info.dbname,
        bytes=draft.stat().st_size,
        sha256=manifest.sha256(draft),
        migrations=applied,
        tables=tables,
    )


def put(draft: Path, file: Path, made: Manifest) -> None:
    """Bring both onto the disk, the manifest last: where it is, the backup is whole."""
    sync(draft)
    draft.rename(file)
    sync(file.parent)
    manifest.write(file, made)


def find(name: str) -> Path:
    """Return the program. Raises LauncherError when there is none."""
    try:
        return programs.program(name)
    except LauncherError:
        found = shutil.which(name)
    if found is None:
        raise LauncherError(
            f"{name} is missing: install PostgreSQL's client programs of the server's version or "
            "a later one, or requirements/run.txt."
        )
    return Path(found)


def run(name: str, url: str, arguments: Sequence[str | Path]) -> None:
    """Run it, connected to that database. Raises LauncherError with what it complained of."""
    done = subprocess.run(
        [find(name), "--no-password", *arguments],
        env=connection_environment(url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LauncherError(f"{name} failed. Read why: {complaint(done.stderr) or done.returncode}")


def complaint(printed: str) -> str:
    """Return the first error that a program tells of, for the others come of it."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    _, _, said = next((line for line in lines if "error:" in line), "").partition("error: ")
    return said or (lines[-1] if lines else "")


SERVICES = frozenset({"PGSERVICE", "PGSERVICEFILE"})
"""To libpq a service counts for more than variables do, and less than what is in an address."""


def variables() -> dict[str, str]:
    """Return libpq's own variables by the options that they stand for."""
    found = ((one.keyword.decode(), one.envvar) for one in Conninfo.get_defaults())
    known = {option: variable.decode() for option, variable in found if variable}
    return {option: variable for option, variable in known.items() if variable not in SERVICES}


def connection_environment(url: str, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment for a program that is to connect as we do with this address.

    What the address does not say is left to the variables that are set (PGSSLROOTCERT and the
    others), for so it is here. A service is not: in the environment it would beat the address.
    """
    given = {option: str(value) for option, value in conninfo_to_dict(url).items() if value}
    said = {name: given[option] for option, name in variables().items() if option in given}
    others = {name: value for name, value in inherited.items() if name not in SERVICES}
    return {**others, **said}
