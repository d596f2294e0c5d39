"""The server's entry point with a death in it: kill -9 of the worker at a commit.

The file WARRANT allows it. It says "before" or "after", and a table: the first transaction that has
written to it dies there. The file is used up, so that the repeated request meets a worker that
lives.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path

from config.asgi import application
from larder.db.postgresql.base import DatabaseWrapper

__all__ = ["application"]


def dying_at(commit: Callable[[DatabaseWrapper], None]) -> Callable[[DatabaseWrapper], None]:
    """The commit, and the end before or after it."""
    warrant = Path(os.environ["WARRANT"])

    def die() -> None:
        warrant.unlink()
        os.kill(os.getpid(), signal.SIGKILL)

    def last_commit(self: DatabaseWrapper) -> None:
        when, table = warrant.read_text().split() if warrant.exists() else ("", "")
        is_meant = bool(table) and _has_written(self, table)
        if is_meant and when == "before":
            die()
        commit(self)
        if is_meant:
            die()

    return last_commit


def _has_written(connection: DatabaseWrapper, table: str) -> bool:
    connection._run()
    # The ids of savepoints are higher than that of their transaction.
    own = "xmin::text::bigint >= pg_current_xact_id_if_assigned()::text::bigint"
    return bool(connection.connection.execute(f'SELECT FROM "{table}" WHERE {own}').fetchall())


setattr(DatabaseWrapper, "_commit", dying_at(DatabaseWrapper._commit))  # noqa: B010
