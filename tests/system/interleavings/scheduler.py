"""Runs sessions on real connections, one step at a time, in a chosen order.

A session is a thread that calls services. It stops at each seam (seams.py) until it is
chosen. Then it runs until it reaches its next seam, waits in the database for a lock of another
session, or ends. A session that waits goes on by itself when it gets the lock, to its next seam. So
one session runs at a time, and the order of steps alone decides what happens.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from threading import Condition, Thread, get_ident
from time import monotonic
from typing import Any, NamedTuple

import psycopg
from django.db import connection, connections

from tests import database
from tests.system.interleavings import seams

CLOCK = "t"
"""The name of the step in which the time passes."""

LONGEST = 60.0
"""Seconds for a step; one takes milliseconds on an idle machine."""


class State(Enum):
    """Where a session is. `BLOCKED`: in the database, by a lock of another one."""

    RUNNING = 1
    PARKED = 2
    BLOCKED = 3
    DONE = 4


class Effect(NamedTuple):
    """What a step does to something that another session may notice."""

    kind: str
    on: object = None


READ, WRITE, END, MEMORY, CLOCK_READ, CLOCK_SET = "read", "write", "end", "memory", "now", "set"
DEPENDENT = {(READ, END), (WRITE, WRITE), (WRITE, END), (MEMORY, MEMORY), (CLOCK_READ, CLOCK_SET)}
"""Effects on one thing whose order matters. A statement that reads sees only what was committed
before, so it does not matter whether it runs before or after a write that is not committed. Locks
count as writes."""

_LOCAL = re.compile(r"\s*SELECT set_config\(")
_WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE|TRUNCATE|LOCK|advisory|nextval|setval)\b|_lock\(")
_CLOCKS = re.compile("clock_timestamp|statement_timestamp", re.IGNORECASE)
_LINKED = {"order_line": "order", "order_event": "order", "held_line": "stock"}
"""Writing a row locks the row that it refers to, or another table's row guards it."""
_TABLE = re.compile(
    r"\b(order|order_line|order_event|stock|held_line|ledger_entry|payment|refund_due|adjustment"
    r"|idempotency_key|rate_limit|advisory_lock|advisory_xact_lock|product)\b"
)
"""What sessions of the scenarios share. Others only read the rest, or only add to it."""
_EXPIRING = {"order", "held_line", "stock"}


def effects_of(text: str) -> frozenset[Effect]:
    """Returns what a statement does."""
    if _LOCAL.match(text):
        return frozenset()
    tables = set(_TABLE.findall(text.replace("pg_", "")))
    kind = WRITE if _WRITES.search(text) else READ
    tables |= {_LINKED[table] for table in tables if table in _LINKED and kind == WRITE}
    # Quotas and keys read the clock too, but the time of an expiry does not matter to them.
    clock = [Effect(CLOCK_READ)] if _CLOCKS.search(text) and tables <= _EXPIRING else []
    return frozenset([*(Effect(kind, table) for table in tables), *clock])


def matters(effects: Iterable[Effect], others: Iterable[Effect]) -> bool:
    """Returns whether it matters which of two steps with these effects comes first."""
    return any(
        effect.on == other.on
        and ((effect.kind, other.kind) in DEPENDENT or (other.kind, effect.kind) in DEPENDENT)
        for effect in effects
        for other in others
    )


@dataclass(frozen=True, slots=True)
class Step:
    """What a session does when it goes on: the seam, the statements that it sends, and its effects
    on what it shares with others. `lock` is what it waits for in this process."""

    seam: str
    texts: tuple[str, ...] = ()
    effects: frozenset[Effect] = frozenset()
    lock: Any = None

    def __str__(self) -> str:
        return " ; ".join([self.seam, *(" ".join(text.split())[:100] for text in self.texts)])


PASS = Step(CLOCK, effects=frozenset({Effect(CLOCK_SET)}))


@dataclass(slots=True)
class Session:
    """A thread, and where it is."""

    name: str
    call: Callable[[], object]
    state: State = State.RUNNING
    step: Step = Step("begin")
    texts: list[str] = field(default_factory=list)
    written: set[object] = field(default_factory=set)
    process: int = 0
    answer: object = None

    @property
    def can_go_on(self) -> bool:
        """Whether it is at a seam, and would not wait for another thread."""
        if self.state is not State.PARKED or self.step.lock is None:
            return self.state is State.PARKED
        if is_free := self.step.lock.acquire(blocking=False):
            self.step.lock.release()
        return bool(is_free)


Choose = Callable[[Mapping[str, Step]], str]
"""Returns the name of the session that goes on, given the next steps of all that can."""


class Stuck(Exception):
    """No session can go on, or a step takes too long."""


class Scheduler:
    """Runs sessions until all are done. `tick` lets the time pass, once."""

    def __init__(
        self,
        calls: Mapping[str, Callable[[], object]],
        watch: psycopg.Connection[Any],
        tick: Callable[[], None] | None = None,
    ) -> None:
        self._sessions = {name: Session(name, call) for name, call in calls.items()}
        self._watch = watch
        self._tick = tick
        self._changed = Condition()
        self._by_thread: dict[int, Session] = {}
        self._is_free = False
        self.taken: list[tuple[str, Step]] = []

    @property
    def answers(self) -> dict[str, object]:
        """What each session returned or raised."""
        return {name: session.answer for name, session in self._sessions.items()}

    def run(self, choose: Choose) -> None:
        """Runs all sessions to their ends. Raises Stuck, and what `choose` raises; then the
        sessions end without an order."""
        threads = [Thread(target=self._run, args=[session]) for session in self._sessions.values()]
        with seams.stopping(self._reached):
            try:
                for thread in threads:
                    thread.start()
                while steps := self._steps():
                    name = choose(steps)
                    self.taken.append((name, steps[name]))
                    self._go_on(name)
            finally:
                with self._changed:
                    self._is_free = True
                    self._changed.notify_all()
                for thread in threads:
                    thread.join(LONGEST)

    def _steps(self) -> dict[str, Step]:
        """Waits until no session runs, and returns the next steps; none when all are done."""
        until = monotonic() + LONGEST
        while True:
            self._settle(until)
            if all(session.state is State.DONE for session in self._sessions.values()):
                return {}
            steps = {
                name: self._next(session)
                for name, session in self._sessions.items()
                if session.can_go_on
            }
            if steps:
                return steps | ({CLOCK: PASS} if self._tick is not None else {})
            # PostgreSQL ends a deadlock after a second. Threads wait for each other without an end.
            is_blocked = any(session.state is State.BLOCKED for session in self._sessions.values())
            if not is_blocked or monotonic() > until:
                raise Stuck(
                    {
                        name: (session.state, session.step)
                        for name, session in self._sessions.items()
                    }
                )

    def _next(self, session: Session) -> Step:
        """Returns the next step of a session. If it ends a transaction, another session that waits
        for a lock may go on, and read the clock."""
        step, now = session.step, Effect(CLOCK_READ)
        blocked = [
            session.step for session in self._sessions.values() if session.state is State.BLOCKED
        ]
        ends = any(effect.kind == END for effect in step.effects)
        if ends and any(now in session.effects for session in blocked):
            return replace(step, effects=step.effects | {now})
        return step

    def _go_on(self, name: str) -> None:
        if name == CLOCK and self._tick is not None:
            self._tick()
            self._tick = None
            return
        with self._changed:
            self._sessions[name].state = State.RUNNING
            self._changed.notify_all()

    def _settle(self, until: float) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: not self._running(), timeout=0.001)
                running = self._running()
            blocked = self._blocked()
            with self._changed:
                for session in running:
                    if session.state is State.RUNNING and session.process in blocked:
                        session.state = State.BLOCKED
                for session in self._sessions.values():
                    if session.state is State.BLOCKED and session.process not in blocked:
                        session.state = State.RUNNING
                # A session that ran may have let another one go on after `found` was read.
                if not running and not self._running():
                    return
            if monotonic() > until:
                raise Stuck(
                    {
                        name: (session.state, session.step)
                        for name, session in self._sessions.items()
                    }
                )

    def _running(self) -> list[Session]:
        return [session for session in self._sessions.values() if session.state is State.RUNNING]

    def _blocked(self) -> set[int]:
        """Returns the processes of sessions that wait for a lock of another session."""
        waiting = {State.RUNNING, State.BLOCKED}
        asked = [session.process for session in self._sessions.values() if session.state in waiting]
        if not asked:
            return set()
        all_of_them = {session.process for session in self._sessions.values()}
        rows = self._watch.execute(
            "SELECT pid, pg_blocking_pids(pid) FROM unnest(%s::int[]) AS pid", [asked]
        )
        return {pid for pid, blockers in rows if all_of_them.intersection(blockers)}

    def _run(self, session: Session) -> None:
        self._by_thread[get_ident()] = session
        try:
            self._park(session, Step("begin"))
            session.answer = session.call()
        except Exception as error:
            session.answer = error
        finally:
            connections.close_all()
            with self._changed:
                del self._by_thread[get_ident()]
                session.state, session.process = State.DONE, 0
                self._changed.notify_all()

    def _reached(self, seam: str, about: object = None) -> None:
        session = self._by_thread.get(get_ident())
        if session is None or self._is_free:
            return
        if isinstance(about, str):
            session.texts.append(about)
        if seam == seams.SUBMIT:
            return
        texts, effects = tuple(session.texts), set[Effect]()
        if seam == seams.SEND:
            session.texts.clear()
            effects = set().union(*map(effects_of, texts))
            session.written |= {effect.on for effect in effects if effect.kind == WRITE}
        if seam in {seams.COMMIT, seams.ROLL_BACK} or not connection.in_atomic_block:
            effects |= {Effect(END, written) for written in session.written}
            session.written.clear()
        lock = about if seam == seams.WAIT else None
        if seam not in {seams.SEND, seams.COMMIT, seams.ROLL_BACK}:
            effects.add(Effect(MEMORY, None if lock else about))
        self._park(session, Step(seam, texts, frozenset(effects), lock))

    def _park(self, session: Session, step: Step) -> None:
        raw = connection.connection
        with self._changed:
            session.process = raw.info.backend_pid if raw is not None and not raw.closed else 0
            session.step, session.state = step, State.PARKED
            self._changed.notify_all()
            self._changed.wait_for(lambda: session.state is State.RUNNING or self._is_free)


@contextmanager
def watching() -> Iterator[psycopg.Connection[Any]]:
    """A connection that sees which sessions wait."""
    with psycopg.connect(database.superuser_url(), autocommit=True) as watch:
        yield watch


def described(taken: Sequence[tuple[str, Step]]) -> str:
    """The steps of a run, one in a line."""
    return "\n".join(f"{name} {step}" for name, step in taken)
