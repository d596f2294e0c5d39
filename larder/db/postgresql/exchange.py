"""Our own statements on their way to PostgreSQL: asked one by one, sent together, waited for once.

Cursors, Django's and psycopg's, take 35 µs of CPU for a statement, and give the interpreter away
for each: of an order that comes alone that was a third. So these go straight to libpq, as psycopg
has it for whoever needs it (`psycopg.pq`), with psycopg's types, waiting and errors.
Source of the ways: "Pipeline Mode" and "Asynchronous Command Processing" in PostgreSQL's manual.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from itertools import count
from typing import TYPE_CHECKING, Any

from psycopg import Connection, OperationalError, generators
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import Error, PipelineAborted, error_from_result
from psycopg.pq import ExecStatus, TransactionStatus

if TYPE_CHECKING:
    from psycopg.abc import PQGen
    from psycopg.pq.abc import PGconn, PGresult

MOST_PREPARED = 100
"""Statements a connection keeps prepared, as many as psycopg does; the one that was used longest
ago goes."""

_FINE = {ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK}


class Answer:
    """What comes back for a statement: nothing, until it was run."""

    __slots__ = ("result",)

    def __init__(self) -> None:
        self.result: PGresult | None = None


Sending = tuple[Callable[[], None], Answer]


class Exchange:
    """Statements of one connection, in the order they were asked for.

    With `prepares` PostgreSQL keeps their plans. For one thread at a time.
    """

    def __init__(self, connection: Connection[Any], *, prepares: bool) -> None:
        self._connection = connection
        self._libpq = connection.pgconn
        self._types = Transformer(connection)
        self._prepares = prepares
        self._prepared: OrderedDict[object, bytes] = OrderedDict()
        self._waiting: list[Sending] = []

    def ask(self, sql: str, parameters: Sequence[Any]) -> Answer:
        """Takes a statement to those that go next. Its parameters are `%s`, as for a cursor."""
        text, formats = _in_libpq_words(sql)
        values = self._types.dump_sequence(parameters, formats)
        types, given = self._types.types, self._types.formats
        if self._prepares:
            name = self._prepare(text, types)
            return self._wait(partial(self._libpq.send_query_prepared, name, values, given))
        return self._wait(partial(self._libpq.send_query_params, text, values, types, given))

    def rows(self, answer: Answer) -> list[tuple[Any, ...]]:
        """All rows of it; what waits is run first if it is among that."""
        if answer.result is None:
            self.run()
        if answer.result is None:
            raise PipelineAborted("one of the statements before it failed")
        self._types.set_pgresult(answer.result)
        return self._types.load_rows(0, answer.result.ntuples, tuple)

    def run(self) -> None:
        """Sends what waits, and waits until all of it is answered.

        Raises what the first statement that failed is told; those after it were not carried out.
        """
        sendings, self._waiting = self._waiting, []
        if not sendings:
            return
        if self._is_to_begin():
            begin = partial(self._libpq.send_query_params, b"BEGIN", None)
            sendings.insert(0, (begin, Answer()))
        try:
            told = self._connection.wait(_together(self._libpq, sendings))
            failure = _taken(sendings, told)
        except BaseException:
            # How far it came nobody knows.
            self._connection.close()
            raise
        if failure is not None:
            # What was to be prepared with it, or after it, is not.
            self._prepared.clear()
            raise failure

    def forget(self) -> None:
        """What waits is not sent any more; and what is prepared is not relied on: psycopg frees
        all that its connection has when a transaction is rolled back."""
        self._waiting.clear()
        self._prepared.clear()

    def _is_to_begin(self) -> bool:
        in_none = self._libpq.transaction_status == TransactionStatus.IDLE
        return in_none and not self._connection.autocommit

    def _prepare(self, text: bytes, types: tuple[int, ...] | None) -> bytes:
        """The name of the prepared statement; it is made before, where it is not there yet."""
        name = self._prepared.get((text, types))
        if name is not None:
            self._prepared.move_to_end((text, types))
            return name
        if len(self._prepared) >= MOST_PREPARED:
            _, name = self._prepared.popitem(last=False)
        else:
            name = b"larder_%d" % len(self._prepared)
        # To close what is not there is no error.
        self._wait(partial(self._libpq.send_close_prepared, name))
        self._wait(partial(self._libpq.send_prepare, name, text, types))
        self._prepared[text, types] = name
        return name

    def _wait(self, send: Callable[[], None]) -> Answer:
        answer = Answer()
        self._waiting.append((send, answer))
        return answer


def _together(libpq: PGconn, sendings: Sequence[Sending]) -> PQGen[list[list[PGresult]]]:
    """What comes back for each, as far as the session lasts."""
    libpq.enter_pipeline_mode()
    for send, _ in sendings:
        send()
    libpq.pipeline_sync()
    yield from generators.send(libpq)
    told: list[list[PGresult]] = []
    for _ in (*sendings, "sync"):
        try:
            told.append((yield from generators.fetch_many(libpq)))
        except OperationalError:
            # The server ended the session: if it said why, that was its last word.
            if not any(one.status == ExecStatus.FATAL_ERROR for results in told for one in results):
                raise
            return told
    libpq.exit_pipeline_mode()
    return told


def _taken(sendings: Sequence[Sending], told: Sequence[Sequence[PGresult]]) -> Error | None:
    """Leaves with each answer what came back. What the first was told that failed; raises
    OperationalError where not one result came for each: PgBouncer adds an error to those of a
    statement when it loses its server meanwhile."""
    for (_, answer), results in zip(sendings, told, strict=False):
        if len(results) != 1:
            break
        if results[0].status not in _FINE:
            return error_from_result(results[0])
        answer.result = results[0]
    else:
        return None
    raise OperationalError("the server ended the session")


@lru_cache(maxsize=512)
def _in_libpq_words(sql: str) -> tuple[bytes, list[PyFormat]]:
    """With its parameters numbered; and that each goes as psycopg thinks best.

    >>> _in_libpq_words("SELECT %s, %s, 1 %% 2")[0]
    b'SELECT $1, $2, 1 % 2'
    """
    numbers = count(1)
    text = _PERCENT.sub(lambda found: f"${next(numbers)}" if found[1] == "s" else "%", sql)
    return text.encode(), [PyFormat.AUTO] * (next(numbers) - 1)


_PERCENT = re.compile(r"%([s%])")
