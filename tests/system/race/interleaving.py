"""Two calls whose transactions overlap at a chosen statement.

The first call stops after it has run that statement, with its transaction open. The second call
then runs until it ends, or until it waits for a lock of the first. A control removes one clause of
one statement, as PostgreSQL receives it, and nothing else.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event
from time import monotonic, sleep
from typing import Any

from django.db import connection, connections

from larder.db import database
from tests.system.race.shops import Answer, answered

LONGEST = 60.0
"""Seconds for any step; a step takes milliseconds on an idle machine."""

ORDERS_READ = 'FROM "order" WHERE id = ANY('
DRAFT_READ = 'WHERE ("order"."customer_id" = %s AND "order"."status" = %s)'
OLD_DRAFTS_READ = '"order"."updated_at" < %s OR'
FOR_ORDERS = ' FOR UPDATE OF "order"'
STOCK_READ = "SELECT product_id, available, committed, next_expiry FROM stock"
OFFERS_READ = "SELECT id, sku, name, price, min_quantity"
CALLER_LOCK = 'SELECT "customer"."id" AS "pk" FROM'
"""Texts of statements that are named in several tests."""

_WAITS_FOR = "SELECT count(*) FROM pg_stat_activity WHERE %s::int = ANY(pg_blocking_pids(pid))"


@dataclass(frozen=True, slots=True)
class Guard:
    """The clause that protects, and a text that only its statement has."""

    statement: str
    clause: str = " FOR NO KEY UPDATE"
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Race:
    """Two calls. The first stops after the first statement that contains `stop`. `holds` says
    whether what must be true after both is true. `guard`: None if it is no clause of a
    statement."""

    first: Callable[[], object]
    second: Callable[[], object]
    stop: str
    guard: Guard | None
    holds: Callable[["Outcome"], bool]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What both calls returned, and whether the second waited for a lock of the first."""

    first: Answer
    second: Answer
    waited: bool


@dataclass(slots=True)
class _Statements:
    """Rewrites the statements of both calls, and stops the first call at one of them."""

    removed: Guard | None
    stop: str
    removals: int = 0
    process: int = 0
    reached: Event = field(default_factory=Event)
    released: Event = field(default_factory=Event)

    def rewrite(self, execute: Any, sql: Any, *rest: Any) -> Any:
        """Runs a statement, without the guard that is removed."""
        guard = self.removed
        if guard is not None and guard.statement in sql and guard.clause in sql:
            self.removals += 1
            sql = sql.replace(guard.clause, guard.instead)
        return execute(sql, *rest)

    def rewrite_and_stop(
        self, execute: Any, sql: Any, parameters: Any, many: bool, context: Mapping[str, Any]
    ) -> Any:
        """As `rewrite`; then waits, if this is the statement to stop after, until released."""
        result = self.rewrite(execute, sql, parameters, many, context)
        if self.stop in sql and not self.reached.is_set():
            self.process = context["connection"].connection.info.backend_pid
            self.reached.set()
            assert self.released.wait(LONGEST)
        return result


def interleave(race: Race, *, removed: Guard | None = None) -> Outcome:
    """Runs both calls, each on a separate connection, without the guard `removed`."""
    statements = _Statements(removed, race.stop)
    with ThreadPoolExecutor(2) as threads:
        try:
            first = threads.submit(_apart, race.first, statements.rewrite_and_stop)
            _wait(lambda: statements.reached.is_set() or first.done())
            assert statements.reached.is_set(), f"no statement {race.stop}: {first.result()}"
            second = threads.submit(_apart, race.second, statements.rewrite)
            waited = waits(second, statements.process)
        finally:
            statements.released.set()
        outcome = Outcome(first.result(LONGEST), second.result(LONGEST), waited)
    assert removed is None or statements.removals, f"no statement {removed}"
    return outcome


def assert_held(race: Race) -> None:
    """Asserts that the second call waits for the first, and that what must be true is true."""
    outcome = interleave(race)
    assert outcome.waited, f"the second call did not wait: {outcome}"
    assert race.holds(outcome), outcome


def assert_broken_without_guard(race: Race) -> None:
    """Asserts that without the guard what must be true is not."""
    outcome = interleave(race, removed=race.guard)
    assert not outcome.waited, f"the second call waited without the lock: {outcome}"
    assert not race.holds(outcome), outcome


def assert_broken(race: Race) -> None:
    """Asserts that what must be true is not, where the test has replaced the guard."""
    outcome = interleave(race)
    assert not outcome.waited, f"the second call waited without the guard: {outcome}"
    assert not race.holds(outcome), outcome


def _apart(call: Callable[[], object], wrapper: Any) -> Answer:
    try:
        with connection.execute_wrapper(wrapper):
            return answered(lambda: _answer(call()))
    finally:
        connections.close_all()


def _answer(result: object) -> Answer:
    return result if isinstance(result, Answer) else Answer("ok", result)


def waits(second: Future[Any], process: int) -> bool:
    """Returns whether a session waits for a lock of the session `process` before the second call
    ends."""
    found = False

    def decided() -> bool:
        nonlocal found
        ended = second.done()
        found = not ended and database.rows(_WAITS_FOR, [process]) != [(0,)]
        return ended or found

    _wait(decided)
    return found


def _wait(condition: Callable[[], bool]) -> None:
    until = monotonic() + LONGEST
    while not condition():
        assert monotonic() < until, "a step took too long"
        sleep(0.005)
