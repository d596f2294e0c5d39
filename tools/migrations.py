"""python -m tools.migrations: refuses migrations that lock tables, or break the running version.

While a release is under way, servers of the former version still run, and orders still come. So a
migration only adds (expand); what no version uses any more, a later release removes (contract).
squawk knows the statements that do otherwise: it reads the SQL of each migration since the last
release. OWNER_DATABASE_URL names a database, which may be empty. Returns 1 if there is a fault.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import django
from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader

from larder.local.terminal import say

RELEASED = 2
"""The number of the last migration of each app in release 0.2.0."""

NOT_ASKED = (
    # `manage.py migrate` sets the time limit of locks, and the owner's statements have none.
    *("require-lock-timeout", "require-statement-timeout"),
    # Django knows which migrations have run.
    "prefer-robust-stmts",
    # The limits of fields are those of the API.
    *("prefer-text-field", "prefer-bigint-over-int"),
    # A new table moves into the schema of its module before anything uses it.
    "ban-set-schema",
)
PASSED: dict[tuple[str, str], tuple[str, ...]] = {}
"""Rules that a migration may break, each with its reason."""


def main() -> int:
    """Prints the faults; returns the exit status."""
    os.environ["DATABASE_URL"] = os.environ["OWNER_DATABASE_URL"]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "larder.config.settings")
    django.setup()
    refused = [
        f"{key[0]} {key[1]}: {fault}"
        for key, migration in since_the_release()
        for fault in faults(sql_of(migration), PASSED.get(key, ()))
    ]
    for line in refused:
        say(line)
    return int(bool(refused))


def since_the_release() -> Iterator[tuple[tuple[str, str], Migration]]:
    """Yields Larder's migrations behind RELEASED."""
    for key, migration in sorted(MigrationLoader(connection).disk_migrations.items()):
        if migration.__module__.startswith("larder.") and int(key[1][:4]) > RELEASED:
            yield key, migration


def sql_of(migration: Migration) -> str:
    """Returns its statements, within a transaction if it runs in one."""
    sql = "\n".join(MigrationLoader(connection).collect_sql([(migration, False)]))
    return f"BEGIN;\n{sql}\nCOMMIT;\n" if migration.atomic else sql


def faults(sql: str, passed: tuple[str, ...] = ()) -> list[str]:
    """Returns what squawk refuses."""
    squawk = Path(sys.executable).with_name("squawk")
    rules = ",".join((*NOT_ASKED, *passed))
    done = subprocess.run(
        [squawk, "--pg-version", "15.0", "--reporter", "json", "--exclude", rules],
        input=sql,
        capture_output=True,
        text=True,
        check=False,
    )
    return [f"{fault['rule_name']}: {fault['message']}" for fault in json.loads(done.stdout)]


if __name__ == "__main__":
    sys.exit(main())
