"""Waits for the server, then makes the owner's role and its database."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tools.folders import write_private
from tools.processes import Kept, LogFile
from tools.terminal import LauncherError

MEANINGS = (
    ("No space left on device", "the disk is full"),
    ("Read-only file system", "the file system is read-only"),
    ("could not create shared memory segment", "the system's limit on shared memory is too low"),
    ("could not map anonymous shared memory", "there is not enough memory"),
    ("incompatible with server", "the data were written by an incompatible PostgreSQL"),
    ("Permission denied", "a file of the data folder may not be read or written"),
)


def explanation(log: LogFile) -> str:
    """Say in one line why the server ended."""
    tail = log.tail()
    for words, meaning in MEANINGS:
        if words in tail:
            return f"{meaning} (log: {log.path})"
    fatal = [line for line in tail.splitlines() if "FATAL" in line or "PANIC" in line]
    last = fatal[-1] if fatal else (tail.strip().splitlines() or ["it printed nothing"])[-1]
    return f"{last.strip()} (log: {log.path})"


WAIT_SECONDS = 600.0
"""Recovery after a crash replays up to max_wal_size."""
POLL_SECONDS = 0.02


def wait_until_ready(url: str, server: Kept, log: LogFile) -> None:
    """Return when the superuser can connect; LauncherError when the server ends or hangs."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        if server.status is not None:
            raise LauncherError(f"PostgreSQL did not start. Read why: {explanation(log)}")
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if "authentication failed" in str(error):
                raise LauncherError(
                    "PostgreSQL refuses the password in passwords.json: restore the file that the "
                    "data were made with."
                ) from None
        else:
            return
        if time.monotonic() > deadline:
            raise LauncherError(
                f"PostgreSQL does not answer after {WAIT_SECONDS:.0f} s. Read why: "
                f"{explanation(log)}"
            )
        time.sleep(POLL_SECONDS)


def ensure(url: str, passwords: Passwords) -> None:
    """Make role `larder_owner` and database `larder` unless they are there."""
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            if not known(connection, sql.SQL("pg_roles WHERE rolname = 'larder_owner'")):
                # Its verifier: PostgreSQL may log the statement.
                verifier = connection.pgconn.encrypt_password(
                    passwords.larder_owner.encode(), b"larder_owner", b"scram-sha-256"
                ).decode()
                role = "CREATE ROLE larder_owner LOGIN CREATEDB CREATEROLE PASSWORD {}"
                connection.execute(sql.SQL(role).format(verifier))
            if not known(connection, sql.SQL("pg_database WHERE datname = 'larder'")):
                connection.execute("CREATE DATABASE larder OWNER larder_owner")
    except psycopg.Error as error:
        raise LauncherError(f"Read why there is no database: {one_line(error)}") from None


def known(connection: psycopg.Connection, where: sql.SQL) -> bool:
    """Say whether the catalogue has such a row."""
    return connection.execute(sql.SQL("SELECT 1 FROM {}").format(where)).fetchone() is not None


def one_line(error: Exception) -> str:
    """Return an error's first line."""
    return str(error).strip().partition("\n")[0]


FILE = "passwords.json"


@dataclass(frozen=True)
class Passwords:
    """One password a role: the superuser, the owner of the tables, the application."""

    postgres: str
    larder_owner: str
    larder_app: str


def read(data: Path) -> Passwords:
    """Read the passwords; LauncherError when the folder holds none that can be read."""
    path = data / FILE
    try:
        return Passwords(**json.loads(path.read_text()))
    except FileNotFoundError:
        raise LauncherError(f"{path} is missing: set DATA to its folder.") from None
    except (OSError, ValueError, TypeError) as error:
        raise LauncherError(f"Restore {path} from a copy, it cannot be read: {error}") from None


def read_or_make(data: Path) -> Passwords:
    """Read the passwords, or make and keep new ones in a folder that has none yet."""
    if not (data / FILE).exists():
        fresh = Passwords(*(secrets.token_urlsafe(24) for _ in range(3)))
        write_private(data / FILE, json.dumps(asdict(fresh), indent=1) + "\n")
    return read(data)
