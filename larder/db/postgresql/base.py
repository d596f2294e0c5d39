"""The database backend (`ENGINE`). Django requires a module `base` with a `DatabaseWrapper`."""

import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any, ClassVar, cast

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import get_adapters_template
from django.db.utils import DatabaseErrorWrapper, Error, OperationalError
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.errors import TooManyConnections
from psycopg.pq import TransactionStatus
from psycopg_pool import PoolTimeout

from larder.core import waits
from larder.core.clock import Stopwatch
from larder.db.errors import CommitUnknown
from larder.db.postgresql.connection import Parameters, PendingResult, StatementPipeline

READ_ONLY = "25006"
"""SQLSTATE read_only_sql_transaction."""

FAIL_FAST_SECONDS = 1.0
"""Seconds after a pool timeout in which other threads get the same error without waiting."""

PIPELINE_ATTRIBUTE = "larder_pipeline"
"""The attribute of psycopg's connection that holds its statement pipeline."""

Reading = Callable[[], list[tuple[Any, ...]]]
"""Waits for the rows of a statement and returns them."""


def give_back(but: str = "") -> None:
    """Closes the connections of this thread that requests use, except the one of the alias `but`,
    and those in a transaction or chosen by `reading_from`. Commands use the owner's."""
    for alias in connections:
        if alias != but and (alias == DEFAULT_DB_ALIAS or alias.startswith("replica")):
            wrapper = cast(DatabaseWrapper, connections[alias])
            is_in_use = wrapper.in_atomic_block or wrapper.is_read_from
            # Closing a wrapper without a connection takes 4 µs.
            if wrapper.connection is not None and not is_in_use:
                wrapper.close()


waits.use(give_back)


class UtcLoader(Loader):
    """Reads a timestamptz of a UTC session (`2026-01-02 03:04:05.678+00`) with one call into C.
    Django's loader takes 3.4 µs for each: half of the time of a page of products. Django reads
    `timezone`."""

    timezone = UTC

    def load(self, value: Buffer) -> datetime:
        return datetime.fromisoformat(bytes(value).decode())


get_adapters_template(True, UTC).register_loader("timestamptz", UtcLoader)  # noqa: FBT003


class ErrorWrapper(DatabaseErrorWrapper):
    """Django's translation of psycopg's errors, with two more cases.

    - A session that ended during an answer. Behind PgBouncer psycopg then receives more results
      than it expects (`received 2 results from command 'BEGIN'`), or libpq raises an error itself:
      an InternalError or a plain DatabaseError without an SQLSTATE. The connection is lost, so the
      error becomes an OperationalError and the connection is closed.
    - A server that accepts no writes. The error becomes an OperationalError, and all connections
      to this server are closed.
    """

    wrapper: Any

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        if isinstance(exc_value, psycopg.Error):
            if exc_value.sqlstate == READ_ONLY:
                self._lost(exc_value, self.wrapper.drop_read_only)
            # Errors of the server have an SQLSTATE, mistakes of a caller are of other classes.
            if exc_value.sqlstate is None and (
                isinstance(exc_value, psycopg.InternalError)
                or type(exc_value) is psycopg.DatabaseError
            ):
                self._lost(exc_value, self.wrapper.close_session)
        super().__exit__(exc_type, exc_value, traceback)

    def _lost(self, error: psycopg.Error, drop: Any) -> None:
        self.wrapper.errors_occurred = True
        drop()
        raise OperationalError(*error.args) from error


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's wrapper, which fails fast without a connection and hands out no closed one.

    For FAIL_FAST_SECONDS after a pool timeout other threads do not wait, unless a connection is
    free. CONN_HEALTH_CHECKS would query the server each time (45 µs of CPU); a closed connection is
    readable, so only a readable one is checked (1 µs for the others).
    """

    is_read_from = False
    """Whether this thread's reads must use this connection (database.reading_from)."""

    has_committed = False
    """Whether a transaction was committed for the request of this thread (database.has_committed).
    One counts whose thread is interrupted while it waits for the acknowledgement, too."""

    _in_pipeline = False

    _last_pool_timeout: ClassVar[dict[str, tuple[Stopwatch, psycopg.OperationalError]]] = {}
    """The last wait that ended without a connection, by alias, for all threads of the process."""

    _given_back: ClassVar[dict[str, Stopwatch]] = {}
    """Runs since an open connection was last given back, by alias, for all threads."""

    @cached_property
    def wrap_database_errors(self) -> ErrorWrapper:
        """Translates psycopg's errors, including those of a lost session."""
        return ErrorWrapper(self)

    def close_session(self) -> None:
        """Closes the session of the current connection. The pool then replaces it."""
        if self.connection is not None:
            self.connection.close()

    def drop_read_only(self) -> None:
        """Closes the connection and all those of the pool: their server accepts no writes, such
        as a former primary. The pool opens new ones in the background."""
        self.close_session()
        if self.pool:
            self.pool.drain()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Returns a connection that was open a moment ago. Raises OperationalError if there is
        none."""
        for _ in range(self.pool.max_size + 1 if self.pool else 1):
            connection = self._wait_for_connection(conn_params)
            if self.pool and has_something_to_read(connection) and not self._answers(connection):
                connection.close()
                self.pool.putconn(connection)
            else:
                return connection
        raise psycopg.OperationalError("the server closes each new connection at once")

    def _close(self) -> None:
        if self.connection is not None and self.pool and not self.connection.closed:
            # One that the server closed while it was not used shows nothing.
            if not has_something_to_read(self.connection):
                self._given_back[self.alias] = Stopwatch()
            if self.connection.pgconn.transaction_status != TransactionStatus.IDLE:
                # The pool rolls back what is given to it within a transaction.
                self._discard()
        super()._close()  # type: ignore[misc]

    def submit(self, sql: str, parameters: Parameters) -> Reading:
        """See `database.submit`. Where statements are counted or traced, each runs at once."""
        if self.queries_logged or self.execute_wrappers:
            cursor = self.cursor()
            cursor.execute(sql, parameters)
            return cast(Reading, cursor.fetchall)
        self.ensure_connection()
        self.validate_thread_sharing()
        self.validate_no_broken_transaction()
        statements = self._statements()
        with self.wrap_database_errors:
            pending = statements.add(sql, parameters)
            if not self._in_pipeline:
                statements.run()
        return partial(self._rows, statements, pending)

    def _rows(self, statements: StatementPipeline, pending: PendingResult) -> list[tuple[Any, ...]]:
        with self.wrap_database_errors:
            return statements.rows(pending)

    def _statements(self) -> StatementPipeline:
        """Returns the pipeline of the current connection. It belongs to psycopg's connection,
        because the pool hands that out again with what it has prepared."""
        attributes = vars(self.connection)
        if PIPELINE_ATTRIBUTE not in attributes:
            # Behind PgBouncer, PostgreSQL plans every statement anew.
            prepares = self.settings_dict["OPTIONS"].get("prepare_threshold") is not None
            attributes[PIPELINE_ATTRIBUTE] = StatementPipeline(self.connection, prepares=prepares)
        return cast(StatementPipeline, attributes[PIPELINE_ATTRIBUTE])

    @contextmanager
    def pipeline(self) -> Iterator[None]:
        """See `database.pipeline`. If the block fails, the statements that still wait are not
        sent."""
        self.ensure_connection()
        self._in_pipeline = True
        try:
            yield
            self._run()
        except BaseException:
            self._discard()
            raise
        finally:
            self._in_pipeline = False

    def _run(self) -> None:
        """Sends what waits in the pipeline, before a statement that does not go through it."""
        if self._in_pipeline:
            with self.wrap_database_errors:
                self._statements().run()

    def create_cursor(self, name: str | None = None) -> Any:
        self._run()
        return super().create_cursor(name)

    def _rollback(self) -> None:
        # A rollback, here and below, makes psycopg deallocate all prepared statements.
        self._discard()
        super()._rollback()  # type: ignore[misc]

    def _savepoint_rollback(self, sid: str) -> None:
        self._discard()
        super()._savepoint_rollback(sid)  # type: ignore[misc]

    def _discard(self) -> None:
        if self.connection:
            statements = vars(self.connection).get(PIPELINE_ATTRIBUTE)
            if statements is not None:
                statements.discard()

    def _commit(self) -> None:
        """Commits, and notes the commit, also if the thread is interrupted while it waits for
        the answer (SystemExit).

        Raises CommitUnknown, with the connection closed, if the commit was sent and its answer is
        lost.
        """
        self._run()
        is_sent = self.connection is not None and not self.connection.closed
        try:
            super()._commit()  # type: ignore[misc]
        except Error as error:
            if not is_sent or self.connection.info.transaction_status == TransactionStatus.IDLE:
                raise
            self.close_session()
            raise CommitUnknown(*error.args) from error.__cause__
        except BaseException:
            self.close_session()
            self.close()
            self.has_committed = self.has_committed or is_sent
            raise
        self.has_committed = self.has_committed or is_sent

    def set_autocommit(self, autocommit: bool, *args: Any, **options: Any) -> None:  # noqa: FBT001
        """Opens no connection at the end of a transaction that lost its own: an error of opening it
        would hide the first one."""
        if autocommit and self.connection is None:
            self.autocommit = True
            return
        super().set_autocommit(autocommit, *args, **options)

    def _wait_for_connection(self, conn_params: dict[str, Any]) -> Any:
        since, error = self._last_pool_timeout.get(self.alias, (None, _UNREACHABLE))
        if since is not None and since.seconds < FAIL_FAST_SECONDS:
            # A connection given back since then shows that the database is reachable again.
            may_wait = self._was_given_back(since)
            if not (may_wait or self.pool.get_stats()["pool_available"]):
                raise type(error)(*error.args)
        waiting = Stopwatch()
        if self.pool:
            # A thread must not hold another connection while it waits for this one.
            give_back(self.alias)
        try:
            return super().get_new_connection(conn_params)
        except PoolTimeout as timeout:
            # The pool is busy, or the database is unreachable or does not answer.
            is_busy = self._was_given_back(waiting)
            error = _BUSY if is_busy else _UNREACHABLE
            self._last_pool_timeout[self.alias] = Stopwatch(), error
            raise type(error)(*error.args) from timeout

    def _was_given_back(self, since: Stopwatch) -> bool:
        given_back = self._given_back.get(self.alias)
        return given_back is not None and given_back.seconds < since.seconds

    def _answers(self, connection: Any) -> bool:
        try:
            with self.wrap_database_errors:
                self.pool.check_connection(connection)
        except Error:
            return False
        return True


_BUSY = TooManyConnections("all connections of the pool are in use")
_UNREACHABLE = PoolTimeout("no connection to the database was free or could be opened in time")


def has_something_to_read(connection: Any) -> bool:
    """Returns whether the server has sent something unasked, or has closed the connection."""
    socket = select.poll()
    socket.register(connection.fileno(), select.POLLIN)
    return bool(socket.poll(0))
