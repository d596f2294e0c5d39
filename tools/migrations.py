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

from tools.terminal import say

RELEASED = {"catalog": 4, "common": 4, "identity": 12, "inventory": 4, "orders": 8}
"""The last migration of each app in release 0.1.0."""

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
PASSED = {
    # One of the indexes of the new table is named with its schema, which squawk does not connect.
    ("identity", "0014_audit_entry"): ("require-concurrent-index-creation",),
    # The new check allows every status that the old one did.
    ("orders", "0010_holds"): ("ban-drop-constraint",),
    # No release has this table yet.
    ("orders", "0015_sales_days"): ("ban-drop-not-null",),
    # Products and customers are small tables, which are rewritten and indexed in seconds. Servers
    # of 0.1.0 write the column that is dropped: they stop before 0.2.0 is prepared (CHANGELOG.md).
    ("catalog", "0016_folded_texts"): (
        *("ban-drop-column", "adding-field-with-default", "prefer-bigint-over-smallint"),
        *("require-concurrent-index-deletion", "require-concurrent-index-creation"),
    ),
    ("identity", "0028_folded_usernames"): (
        *("prefer-bigint-over-smallint", "require-concurrent-index-deletion"),
        "require-concurrent-index-creation",
    ),
    # The triggers are made anew in the same transaction, and the columns came after 0.1.0.
    ("inventory", "0010_crossings"): ("ban-drop-function",),
    ("orders", "0027_sales_of_booked_days"): ("ban-drop-column", "adding-not-nullable-field"),
    # A foreign key that is gone accepts every row that it accepted before.
    ("orders", "0029_keys"): ("ban-drop-constraint",),
    # Carts move to a table of their own, which is empty before, while no server of 0.1.0 runs.
    ("orders", "0032_cart"): (
        *("ban-drop-function", "ban-drop-table", "ban-drop-constraint"),
        *("constraint-missing-not-valid", "adding-foreign-key-constraint"),
        *("require-concurrent-index-deletion", "require-concurrent-index-creation"),
    ),
    # Indexes lose their conditions while no server of 0.1.0 runs.
    ("orders", "0036_plain_orders"): (
        *("ban-drop-table", "ban-drop-column", "adding-not-nullable-field"),
        *("require-concurrent-index-deletion", "require-concurrent-index-creation"),
        *("ban-drop-constraint", "adding-field-with-default"),
    ),
}
"""Rules that a migration may break, each with its reason."""


def main() -> int:
    """Prints the faults; returns the exit status."""
    os.environ["DATABASE_URL"] = os.environ["OWNER_DATABASE_URL"]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    found = [
        f"{key[0]} {key[1]}: {fault}"
        for key, migration in since_the_release()
        for fault in faults(sql_of(migration), PASSED.get(key, ()))
    ]
    for line in found:
        say(line)
    return int(bool(found))


def since_the_release() -> Iterator[tuple[tuple[str, str], Migration]]:
    """Yields Larder's migrations behind RELEASED, without those that squash others."""
    for key, migration in sorted(_loader().disk_migrations.items()):
        is_ours = migration.__module__.startswith("larder.") and not migration.replaces
        if is_ours and int(key[1][:4]) > RELEASED.get(key[0], 0):
            yield key, migration


def _loader() -> MigrationLoader:
    return MigrationLoader(connection, replace_migrations=False)


def sql_of(migration: Migration) -> str:
    """Returns its statements, within a transaction if it runs in one."""
    sql = "\n".join(_loader().collect_sql([(migration, False)]))
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
    return [f"{one['rule_name']}: {one['message']}" for one in json.loads(done.stdout)]


if __name__ == "__main__":
    sys.exit(main())
