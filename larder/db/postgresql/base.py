"""The `ENGINE` of our databases: Django looks for `DatabaseWrapper` in a module of this name."""

import select
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, ClassVar, cast

from django.db.backends.postgresql import base
from django.db.backends.utils import CursorWrapper
from django.db.utils import Error
from psycopg import OperationalError
from psycopg.errors import TooManyConnections
from psycopg.pq import TransactionStatus
from psycopg_pool import PoolTimeout

from larder.core import commits, waits
from larder.core.stopwatch import Stopwatch
from larder.core.telemetry import connections_held
from larder.db.postgresql.checked_out import checked_out
from larder.db.postgresql.comments import Commented, told
from larder.db.postgresql.errors import CommitUnknown, ErrorWrapper
from larder.db.postgresql.exchange import Answer, Exchange
from larder.db.postgresql.pool import honour_priorities, is_prioritized, put_last_first

TOLD_AT_ONCE = 1.0
"""For how many seconds after somebody waited for a connection in vain others need not."""

RENEW_EVERY = 1.0
"""Seconds between two renewals of a pool."""

KEPT = "larder_exchange"
"""Under this name a connection of psycopg's keeps its exchange."""

Reading = Callable[[], list[tuple[Any, ...]]]
"""Waits for the rows of a statement."""

# Nothing connects before this module is loaded.
waits.watch(checked_out)


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

    is_read_from = False
    """Whether this thread's reads go to this connection and no other (database.reading_from)."""

    _in_pipeline = False

    _held: Stopwatch | None = None
    """Since the present connection was taken from the pool."""

    _late: ClassVar[dict[str, "_Late"]] = {}
    """The last wait that ended without a connection, by alias, for all threads of the process."""

    _given_back: ClassVar[dict[str, Stopwatch]] = {}
    """Since an open connection was given back last, by alias, for all threads of the process."""

    _renewed: ClassVar[dict[str, Stopwatch]] = {}
    """Since the pool was renewed last, by alias."""

    @cached_property
    def wrap_database_errors(self) -> ErrorWrapper:
        """Translates psycopg's errors, those of a lost session among them."""
        return ErrorWrapper(self)

    @property
    def is_in_use(self) -> bool:
        """Whether it cannot be given back: in a transaction, or a read that chose it."""
        return bool(self.in_atomic_block or self.is_read_from)

    @property
    def is_of_a_test(self) -> bool:
        """Whether it is in use by the transaction of Django's TestCase alone."""
        blocks: list[Any] = self.atomic_blocks
        return bool(blocks) and not self.is_read_from and all(one._from_testcase for one in blocks)

    def close_session(self) -> None:
        """Closes the session of the present connection, which the pool then replaces."""
        if self.connection is not None:
            self.connection.close()

    def drop_read_only(self) -> None:
        """Closes the connection and all that the pool has: they lead to a server that accepts no
        writes, such as a former primary. New ones are opened in the background."""
        self.close_session()
        since = self._renewed.get(self.alias)
        if self.pool and (since is None or since.seconds > RENEW_EVERY):
            self._renewed[self.alias] = Stopwatch()
            self.pool.drain()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that was open a moment ago; OperationalError when there is none, also where
        as many as the pool may have were closed, and the one after them too: whatever accepts
        connections ends new ones at once."""
        for _ in range(self.pool.max_size + 1 if self.pool else 1):
            connection = self._wait_for_connection(conn_params)
            if self.pool and _has_something_to_read(connection) and not self._answers(connection):
                connection.close()
                self.pool.putconn(connection)
            else:
                self._held = Stopwatch()
                return connection
        raise OperationalError("the server closes each new connection at once")

    def _close(self) -> None:
        if self._held is not None and self.pool and not self.connection.closed:
            self._given_back[self.alias] = Stopwatch()
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

    def ask(self, sql: str, parameters: Sequence[Any]) -> Reading:
        """Has one statement carried out; in a pipeline at the latest when its rows are read.

        Whoever counts or traces statements sees each by itself, as it is carried out.
        """
        if self.queries_logged or self.execute_wrappers:
            cursor = self.cursor()
            cursor.execute(sql, parameters)
            return cast(Reading, cursor.fetchall)
        self.ensure_connection()
        self.validate_thread_sharing()
        self.validate_no_broken_transaction()
        exchange = self._exchange()
        with self.wrap_database_errors:
            answer = exchange.ask(told(sql) if self.prepares_nothing else sql, parameters)
            if not self._in_pipeline:
                exchange.run()
        return partial(self._rows, exchange, answer)

    def _rows(self, exchange: Exchange, answer: Answer) -> list[tuple[Any, ...]]:
        with self.wrap_database_errors:
            return exchange.rows(answer)

    def _exchange(self) -> Exchange:
        """That of the present connection, which keeps it: a pool hands it out again."""
        kept = vars(self.connection)
        if KEPT not in kept:
            kept[KEPT] = Exchange(self.connection, prepares=not self.prepares_nothing)
        return cast(Exchange, kept[KEPT])

    @contextmanager
    def pipeline(self) -> Iterator[None]:
        """Statements of this block are sent when the rows of one of them are read, or at its end,
        which raises what no reading has raised. Nothing is sent of a block that fails."""
        self.ensure_connection()
        self._in_pipeline = True
        try:
            yield
            self._run()
        except BaseException:
            self._forget()
            raise
        finally:
            self._in_pipeline = False

    def _run(self) -> None:
        """What waits in a pipeline goes before what is asked in another way."""
        if self._in_pipeline:
            with self.wrap_database_errors:
                self._exchange().run()

    def create_cursor(self, name: str | None = None) -> Any:
        self._run()
        return super().create_cursor(name)

    def _rollback(self) -> None:
        # With it psycopg frees all that this connection has prepared; below likewise.
        self._forget()
        super()._rollback()  # type: ignore[misc]

    def _savepoint_rollback(self, sid: str) -> None:
        self._forget()
        super()._savepoint_rollback(sid)  # type: ignore[misc]

    def _forget(self) -> None:
        kept: Exchange | None = vars(self.connection).get(KEPT) if self.connection else None
        if kept is not None:
            kept.forget()

    def _commit(self) -> None:
        """Raises CommitUnknown, with the connection closed, where the commit was sent and its
        answer is lost. A commit is counted, also where the thread is ended while it waits for the
        answer (SystemExit)."""
        self._run()
        is_sent = self.connection is not None and not self.connection.closed
        try:
            super()._commit()  # type: ignore[misc]
        except Error as error:
            if not is_sent or self._is_idle:
                raise
            self.close_session()
            raise CommitUnknown(*error.args) from error.__cause__
        except BaseException:
            self.close_session()
            self.close()
            commits.add(is_sent)
            raise
        commits.add(is_sent)

    def set_autocommit(self, autocommit: bool, *args: Any, **options: Any) -> None:  # noqa: FBT001
        """Opens no connection at the end of a transaction that lost its own: a new one begins in
        this mode, and a failure to open it would hide why the transaction failed."""
        if autocommit and self.connection is None:
            self.autocommit = True
            return
        super().set_autocommit(autocommit, *args, **options)

    @property
    def _is_idle(self) -> bool:
        """Whether the server has answered, and no transaction is open."""
        idle: bool = self.connection.info.transaction_status == TransactionStatus.IDLE
        return idle

    def _wait_for_connection(self, conn_params: dict[str, Any]) -> Any:
        late = self._late.get(self.alias)
        if late is not None and late.since.seconds < TOLD_AT_ONCE:
            # While the pool is busy, only a prioritized thread waits again. While the database is
            # away, a connection that was given back since shows that it is there again.
            is_next = is_prioritized() if late.is_busy else self._was_given_back(late.since)
            if not (is_next or self.pool.get_stats()["pool_available"]):
                raise late.error()
        waiting = Stopwatch()
        if self.pool:
            # To wait for a connection is a wait, too, for a thread that keeps another one.
            waits.begin(but=self.alias)
            put_last_first(self.pool)
            honour_priorities(self.pool)
        try:
            return super().get_new_connection(conn_params)
        except PoolTimeout as error:
            late = self._late[self.alias] = _Late(is_busy=self._was_given_back(waiting))
            raise late.error() from error

    def _was_given_back(self, since: Stopwatch) -> bool:
        """Returns whether an open connection was given back since then."""
        given_back = self._given_back.get(self.alias)
        return given_back is not None and given_back.seconds < since.seconds

    def _answers(self, connection: Any) -> bool:
        try:
            with self.wrap_database_errors:
                self.pool.check_connection(connection)
        except Error:
            return False
        return True


@dataclass(frozen=True, slots=True)
class _Late:
    """A wait that ended without a connection. The database `is_busy` if meanwhile another thread
    gave back an open one; otherwise the database is away, or does not answer."""

    is_busy: bool
    since: Stopwatch = field(default_factory=Stopwatch)

    def error(self) -> OperationalError:
        """Returns TooManyConnections (SQLSTATE 53300) or PoolTimeout, which has no SQLSTATE."""
        if self.is_busy:
            return TooManyConnections("all connections of the pool are in use")
        return PoolTimeout("no connection to the database was free or could be opened in time")


def _has_something_to_read(connection: Any) -> bool:
    socket = select.poll()
    socket.register(connection.fileno(), select.POLLIN)
    return bool(socket.poll(0))
