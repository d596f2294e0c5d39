"""The `ENGINE` of our databases: Django looks for `DatabaseWrapper` in a module of this name."""

import select
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, ClassVar, NoReturn

from django.db.backends.postgresql import base
from django.db.backends.utils import CursorWrapper
from django.db.utils import Error, InternalError, OperationalError
from psycopg_pool import PoolTimeout

from larder.common.postgresql.comments import Commented
from larder.common.postgresql.pool import put_last_first
from larder.common.stopwatch import Stopwatch
from larder.common.telemetry import connections_held

TOLD_AT_ONCE = 1.0
"""For how many seconds after somebody waited for a connection in vain others need not."""


_UNASKED = "pop from an empty deque"
"""What psycopg (3.3) says when there are more answers than statements: PgBouncer adds an error to
those of a statement when it loses its server in between."""


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, except for what a pool hands out.

    With the database away, who waited for a thread while others waited for a connection would
    wait for theirs as well, and be told too late. So for a moment after each wait in vain nobody
    waits, unless a connection is there: the pool looks for the database by itself.

    After an outage that no request met, every pooled connection is dead, and each would cost
    some later request its answer. CONN_HEALTH_CHECKS would ask the server each time (45 µs of
    CPU). A connection that nobody uses is silent, and the end of a closed one can be read: only
    one with something to read is asked (1 µs for the others).
    """

    _in_pipeline = False
    _sent = 0
    """Statements of the present pipeline, each of which has a cursor of its own."""

    _held: Stopwatch | None = None
    """Since the present connection was taken from the pool."""

    _in_vain: ClassVar[dict[str, Stopwatch]] = {}
    """Since a wait ended in vain last, by alias, for all threads of the process."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that was open a moment ago; OperationalError when there is none."""
        connection = self._wait_for_connection(conn_params)
        while self.pool and _has_something_to_read(connection) and not self._answers(connection):
            connection.close()
            self.pool.putconn(connection)
            connection = self._wait_for_connection(conn_params)
        self._held = Stopwatch()
        return connection

    def _close(self) -> None:
        super()._close()  # type: ignore[misc]
        if self._held is not None and self.pool:
            connections_held.append(self._held.seconds)
            self._held = None

    def make_cursor(self, cursor: Any) -> CursorWrapper:
        """What Django's own statements go through."""
        return Commented(cursor, self)

    @cached_property
    def prepares_nothing(self) -> bool:
        """Whether every statement is planned when it is asked, as behind PgBouncer."""
        return self.settings_dict["OPTIONS"].get("prepare_threshold") is None

    def kept_cursor(self) -> CursorWrapper:
        """A cursor whose rows are all taken before the next statement, or, in a pipeline, at any
        time before its end. A connection keeps them: a new one for each statement costs 30 µs, a
        third of it.

        Whoever counts statements gets a new one, which counts.
        """
        if self.queries_logged:
            return self.cursor()
        self.ensure_connection()
        self.validate_thread_sharing()
        kept: list[Any] = vars(self.connection).setdefault("larder_kept_cursors", [])
        if self._sent >= len(kept):
            kept.append(self.create_cursor())
        cursor = kept[self._sent]
        if self._in_pipeline:
            self._sent += 1
        return Commented(cursor, self) if self.prepares_nothing else CursorWrapper(cursor, self)

    @contextmanager
    def pipeline(self) -> Iterator[None]:
        """Statements of this block go out at once, and answers are waited for where they are
        read, or at the end of the block, which raises what no reading has raised."""
        self.ensure_connection()
        self._in_pipeline = True
        try:
            with self.wrap_database_errors, self.connection.pipeline():
                yield
        except IndexError as error:
            if str(error) != _UNASKED:
                raise
            self._lost(error)
        finally:
            self._in_pipeline, self._sent = False, 0

    def _commit(self) -> None:
        """Where more than its answer comes back, nobody knows what became of the commit."""
        try:
            super()._commit()  # type: ignore[misc]
        except InternalError as error:
            if getattr(error.__cause__, "sqlstate", None):
                raise
            self._lost(error)

    def _lost(self, error: Exception) -> NoReturn:
        self.connection.close()
        raise OperationalError("the server ended the session") from error

    def _wait_for_connection(self, conn_params: dict[str, Any]) -> Any:
        since = self._in_vain.get(self.alias)
        lately = since is not None and since.seconds < TOLD_AT_ONCE
        if lately and not self.pool.get_stats()["pool_available"]:
            raise PoolTimeout("others have just waited for a connection in vain")
        if self.pool:
            put_last_first(self.pool)
        try:
            return super().get_new_connection(conn_params)
        except PoolTimeout:
            self._in_vain[self.alias] = Stopwatch()
            raise

    def _answers(self, connection: Any) -> bool:
        try:
            with self.wrap_database_errors:
                self.pool.check_connection(connection)
        except Error:
            return False
        return True


def _has_something_to_read(connection: Any) -> bool:
    socket = select.poll()
    socket.register(connection.fileno(), select.POLLIN)
    return bool(socket.poll(0))
