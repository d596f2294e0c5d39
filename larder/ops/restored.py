"""Finishes a restore that could not run Larder's code. It marks the database; `prepare` does the
rest.

The restore of the containers does so, because its container has only PostgreSQL
(deploy/postgresql/backup.sh). The mark is the comment of the database, which is in no backup.
Before `prepare`, the servers' role has no rights in the database.
"""

from django.core.management import call_command
from django.db import connections
from psycopg import sql

MARK = "Restored: manage.py prepare has yet to end log-ins and keys."
_READ_COMMENT = """
SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database
WHERE datname = current_database()
"""


def unfinished(*, using: str = "owner") -> bool:
    """Returns whether the database has the mark of a restore."""
    return _name_and_comment(using)[1] == MARK


def finish(*, using: str = "owner") -> None:
    """Ends log-ins and keys, then removes the mark."""
    call_command("end_sessions_and_keys", database=using)
    name, _ = _name_and_comment(using)
    with connections[using].cursor() as cursor:
        unmark = sql.SQL("COMMENT ON DATABASE {} IS NULL").format(sql.Identifier(name))
        cursor.execute(unmark.as_string(cursor.connection))


def _name_and_comment(using: str) -> tuple[str, str | None]:
    with connections[using].cursor() as cursor:
        cursor.execute(_READ_COMMENT)
        name, comment = cursor.fetchone()
    return name, comment
