"""Two calls whose transactions overlap at a chosen statement.

The first call stops after it has run that statement, with its transaction open. The second call
then runs until it ends, or until it waits for a lock of the first.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from threading import Event
from time import monotonic, sleep
from typing import Any

from django.db import connection, connections

from larder.db import database
from tests.system.race.shops import Answer, answered

LONGEST = 60.0
"""Seconds for any step; a step takes milliseconds on an idle machine."""

ORDERS_READ = 'FROM "order" WHERE id = %s FOR UPDATE'
CART_READ = "FROM cart WHERE customer_id = %s FOR NO KEY UPDATE"
OLD_CARTS_READ = '"cart"."updated_at" < %s OR'
STOCK_READ = "SELECT product_id, available, committed, next_expiry FROM stock"

_WAITS_FOR = "SELECT count(*) FROM pg_stat_activity WHERE %s::int = ANY(pg_blocking_pids(pid))"


@dataclass(frozen=True, slots=True)
class Race:
    """Two calls."""

    first: Callable[[], object]
    second: Callable[[], object]
    stop: str
    """A text of the statement after which the first call stops."""
    holds: Callable[["Outcome"], bool]
    """Whether what must be true after both is true."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What both calls returned, and whether the second waited for a lock of the first."""

    first: Answer
    second: Answer
    waited: bool

    @property
    def codes(self) -> tuple[str, str]:
        """The codes of both answers."""
        return self.first.code, self.second.code


@dataclass(slots=True)
class _Stop:
    """Stops the first call at a statement."""

    text: str
    process: int = 0
    reached: Event = field(default_factory=Event)
    released: Event = field(default_factory=Event)

    def run(
        self, execute: Any, sql: Any, parameters: Any, many: bool, context: Mapping[str, Any]
    ) -> Any:
        """Runs a statement; then waits, if this is the one to stop after, until released."""
        result = execute(sql, parameters, many, context)
        if self.text in sql and not self.reached.is_set():
            self.process = context["connection"].connection.info.backend_pid
            self.reached.set()
            assert self.released.wait(LONGEST)
        return result


def interleave(race: Race) -> Outcome:
    """Runs both calls, each on a separate connection."""
    stop = _Stop(race.stop)
    with ThreadPoolExecutor(2) as threads:
        try:
            first = threads.submit(_apart, race.first, stop.run)
            _wait(lambda: stop.reached.is_set() or first.done())
            assert stop.reached.is_set(), f"no statement {race.stop}: {first.result()}"
            second = threads.submit(_apart, race.second, None)
            waited = waits(second, stop.process)
        finally:
            stop.released.set()
        return Outcome(first.result(LONGEST), second.result(LONGEST), waited)


def assert_held(race: Race) -> None:
    """Asserts that the second call waits for the first, and that what must be true is true."""
    outcome = interleave(race)
    assert outcome.waited, f"the second call did not wait: {outcome}"
    assert race.holds(outcome), outcome


def _apart(call: Callable[[], object], wrapper: Any) -> Answer:
    try:
        with connection.execute_wrapper(wrapper) if wrapper else nullcontext():
            return answered(lambda: _answer(call()))
    finally:
        connections.close_all()


def _answer(result: object) -> Answer:
    return result if isinstance(result, Answer) else Answer("ok", result)


def waits(second: Future[Any], process: int) -> bool:
    """Returns whether a session waits for a lock of the session `process` before the second call
    ends."""
    is_waiting = False

    def decided() -> bool:
        nonlocal is_waiting
        ended = second.done()
        is_waiting = not ended and database.rows(_WAITS_FOR, [process]) != [(0,)]
        return ended or is_waiting

    _wait(decided)
    return is_waiting


def _wait(condition: Callable[[], bool]) -> None:
    until = monotonic() + LONGEST
    while not condition():
        assert monotonic() < until, "a step took too long"
        sleep(0.005)
