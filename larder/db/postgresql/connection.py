"""Connections to PostgreSQL: a time limit for each answer of the server, and Larder's own
statements, several in one round trip, with one wait for all.

A server that hangs, or whose machine has failed, does not answer, and its own time limits do not
work. TCP_OPTIONS notice a failed machine; one that still answers TCP is noticed here.

A cursor, Django's or psycopg's, takes 35 µs of CPU for each statement and releases the interpreter
for each: a third of the cost of an order that is placed alone. So Larder's statements go straight
to libpq through `psycopg.pq`. The types, the waits and the errors are psycopg's.
Source: "Pipeline Mode" and "Asynchronous Command Processing" in PostgreSQL's manual.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from psycopg import Connection, OperationalError, generators
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import Error, PipelineAborted, _WaitTimeout, error_from_result
from psycopg.pq import ExecStatus, TransactionStatus

if TYPE_CHECKING:
    from psycopg.abc import PQGen
    from psycopg.pq.abc import PGconn, PGresult

TCP_OPTIONS = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""Options of libpq, in seconds and milliseconds: a failed machine is noticed within about ten
seconds. They have no effect on a Unix-domain socket, which does not need them."""

ANSWER_TIMEOUT = 15.0
"""Seconds that a server waits for an answer of the primary: one and a half times the limit of a
statement of the server's role (larder/ops/roles.py)."""

CONNECTION_WAIT = 0.25
"""Seconds that a thread waits for a free connection to a replica."""


class BoundedConnection(Connection[Any]):
    """Raises OperationalError and closes itself if an answer takes longer than `longest` seconds.
    `database.answers_within` sets it for a connection, and a server for all of its connections to
    the primary (ANSWER_TIMEOUT). With None there is no limit: some statements of commands take a
    quarter of an hour."""

    longest: float | None = None

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Waits as psycopg does, with a time limit if none is given."""
        try:
            return super().wait(gen, interval, self.longest if timeout is None else timeout)
        except _WaitTimeout:
            # A rollback or the next statement would wait for the same server again.
            self.pgconn.finish()
            raise


class ReplicaConnection(BoundedConnection):
    """A connection to a replica. A read of the API takes a fraction of a second, and the primary
    can serve it instead."""

    longest = 1.0


REPLICA_POOL: dict[str, Any] = {"connection_class": ReplicaConnection, "timeout": CONNECTION_WAIT}
"""Options of the pool of a replica."""

MAX_PREPARED = 100
"""Statements that a connection keeps prepared, as many as psycopg does. With one more it begins
anew."""

_SUCCEEDED = {ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK}


class PendingResult:
    """The result of a statement: None until the statement has run."""

    __slots__ = ("result",)

    def __init__(self) -> None:
        self.result: PGresult | None = None


Parameters = Sequence[Any] | dict[str, Any]

Sending = tuple[Callable[[], None], PendingResult]
"""Sends one statement, and takes its result."""


class StatementPipeline:
    """Runs the statements of one connection in the order in which they were added.

    With `prepares`, PostgreSQL keeps their plans. Assumes that one thread uses it at a time.
    """

    def __init__(self, connection: Connection[Any], *, prepares: bool) -> None:
        self._connection = connection
        self._libpq = connection.pgconn
        self._types = Transformer(connection)
        self._prepares = prepares
        self._prepared: dict[object, bytes] = {}
        self._waiting: list[Sending] = []

    def add(self, sql: str, parameters: Parameters) -> PendingResult:
        """Adds a statement, to be sent by `run`. Its parameters are `%s`, or `%(name)s` of a
        dictionary, as for a cursor."""
        text, placeholders, names = with_numbered_parameters(sql)
        if isinstance(parameters, dict):
            parameters = [parameters[name] for name in names]
        values = self._types.dump_sequence(parameters, placeholders)
        types, formats = self._types.types, self._types.formats
        if self._prepares:
            name = self._prepare(text, types)
            return self._append(partial(self._libpq.send_query_prepared, name, values, formats))
        return self._append(partial(self._libpq.send_query_params, text, values, types, formats))

    def rows(self, pending: PendingResult) -> list[tuple[Any, ...]]:
        """Returns all rows of the statement. Runs the pipeline first if it has not run yet."""
        if pending.result is None:
            self.run()
        if pending.result is None:
            raise PipelineAborted("one of the statements before it failed")
        self._types.set_pgresult(pending.result)
        return self._types.load_rows(0, pending.result.ntuples, tuple)

    def run(self) -> None:
        """Sends all statements that wait, and waits for all their results.

        Raises the error of the first statement that failed. PostgreSQL did not run those after it.
        """
        sendings, self._waiting = self._waiting, []
        if not sendings:
            return
        is_idle = self._libpq.transaction_status == TransactionStatus.IDLE
        if is_idle and not self._connection.autocommit:
            begin = partial(self._libpq.send_query_params, b"BEGIN", None)
            sendings.insert(0, (begin, PendingResult()))
        try:
            results = self._connection.wait(_send_all(self._libpq, sendings))
            failure = _store_results(sendings, results)
        except BaseException:
            # The state of the connection is unknown.
            self._connection.close()
            raise
        if failure is not None:
            # PostgreSQL did not prepare the statements from the failed one on.
            self._prepared.clear()
            raise failure

    def discard(self) -> None:
        """Drops the statements that wait, and the names of the prepared ones: when a transaction
        is rolled back, psycopg deallocates all prepared statements of its connection."""
        self._waiting.clear()
        self._prepared.clear()

    def _prepare(self, text: bytes, types: tuple[int, ...] | None) -> bytes:
        """Returns the name of the prepared statement, and adds its preparation if there is none."""
        name = self._prepared.get((text, types))
        if name is not None:
            return name
        if len(self._prepared) >= MAX_PREPARED:
            self._prepared.clear()
        name = b"larder_%d" % len(self._prepared)
        # Closing a statement that does not exist is no error.
        self._append(partial(self._libpq.send_close_prepared, name))
        self._append(partial(self._libpq.send_prepare, name, text, types))
        self._prepared[text, types] = name
        return name

    def _append(self, send: Callable[[], None]) -> PendingResult:
        pending = PendingResult()
        self._waiting.append((send, pending))
        return pending


def _send_all(libpq: PGconn, sendings: Sequence[Sending]) -> PQGen[list[list[PGresult]]]:
    """Returns the results of each statement, up to the one during which the session ended."""
    libpq.enter_pipeline_mode()
    for send, _ in sendings:
        send()
    libpq.pipeline_sync()
    yield from generators.send(libpq)
    received: list[list[PGresult]] = []
    for _ in (*sendings, "sync"):
        try:
            received.append((yield from generators.fetch_many(libpq)))
        except OperationalError:
            # The server ended the session. If it sent a reason, that is the last result.
            statuses = {result.status for results in received for result in results}
            if ExecStatus.FATAL_ERROR not in statuses:
                raise
            return received
    libpq.exit_pipeline_mode()
    return received


def _store_results(
    sendings: Sequence[Sending], received: Sequence[Sequence[PGresult]]
) -> Error | None:
    """Stores the result of each statement. Returns the error of the first one that failed.

    Raises OperationalError if a statement has not exactly one result: PgBouncer adds an error to
    the results of a statement when it loses its server meanwhile.
    """
    for (_, pending), results in zip(sendings, received, strict=False):
        if len(results) != 1:
            break
        if results[0].status not in _SUCCEEDED:
            return error_from_result(results[0])
        pending.result = results[0]
    else:
        return None
    raise OperationalError("the server ended the session")


@lru_cache(maxsize=512)
def with_numbered_parameters(sql: str) -> tuple[bytes, list[PyFormat], list[str]]:
    """Returns the statement with numbered parameters, as libpq takes them, and a format and the
    name of each.

    >>> with_numbered_parameters("SELECT %s, %s, 1 %% 2")[0]
    b'SELECT $1, $2, 1 % 2'
    >>> with_numbered_parameters("SELECT %(id)s, %(at)s, %(id)s")[::2]
    (b'SELECT $1, $2, $1', ['id', 'at'])
    """
    numbers: dict[str, int] = {}

    def numbered(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        return f"${numbers.setdefault(match[1] or str(len(numbers)), len(numbers) + 1)}"

    text = _PARAMETER.sub(numbered, sql)
    return text.encode(), [PyFormat.AUTO] * len(numbers), list(numbers)


_PARAMETER = re.compile(r"%(?:\((\w+)\)s|s|%)")
