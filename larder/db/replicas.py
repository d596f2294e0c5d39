"""Reads from a replica that is current enough for the reader, or else from the primary.

The replicas are the databases `replica1`, `replica2` … of the settings. A thread reads the replay
position on the connection that will run its query. The position stays true for this connection,
even if the address later leads to another server. The replica may have replayed more since then, so
the position is read again only if the last known one is not enough.

If a replica is unreachable, one reader waits for it (larder/db/postgresql/bounded.py). Then no
thread tries it for a second; each further failure doubles the pause, up to eight seconds. After
the pause one thread tries again. The position of a replica that lags far behind is read every
25 ms. If a query fails on a replica, it runs on the primary: it may conflict with the replay, or
its table may not be replicated yet.
"""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import count
from threading import Lock
from typing import TypeVar, cast

from django.db import DatabaseError, Error, InterfaceError, OperationalError, connections

from larder.core.errors import NotFound
from larder.core.stopwatch import nanoseconds
from larder.db import database, positions, primary, sql
from larder.db.database import sqlstate
from larder.db.positions import Position
from larder.db.postgresql.base import DatabaseWrapper
from larder.db.primary import PrimarySilent

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

FAR_BEHIND = 50_000_000
"""Nanoseconds: a replica that lagged this far behind a moment ago is not asked by every thread."""

SECOND = 1_000_000_000
MAX_DOUBLINGS = 3
"""Times that the pause of a second after a failure doubles: to eight seconds."""


@dataclass(frozen=True, slots=True)
class FreshnessRequirement:
    """What a reader must see: all transactions committed before `since` (monotonic nanoseconds),
    those before the reader's own last write at `written_at`, and all that lie before `position`.
    """

    since: int
    position: Position | None = None
    written_at: int = 0

    @property
    def after(self) -> int:
        """The moment up to which everything must be shown."""
        return max(self.since, self.written_at)

    def satisfied_by(self, current_at: int, replayed: Position | None) -> bool:
        """Whether a server meets it that shows everything committed before `current_at`, and
        everything before `replayed`. That it was current shows that it follows the primary."""
        if current_at <= self.since or current_at <= self.written_at:
            return False
        return self.position is None or (replayed is not None and replayed.includes(self.position))


@dataclass(frozen=True, slots=True)
class State:
    """What a replica shows: everything before `replayed`. That includes all transactions committed
    before `current_at` (monotonic nanoseconds), and perhaps more."""

    replayed: Position
    current_at: int


class NotAReplica(DatabaseError):
    """The server is not a standby, or has replayed nothing."""


class Replica:
    """A replica, with what this process knows of its state."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self._lock = Lock()
        self._failed_at = self._tried_again_at = 0
        self._failures = 0
        self._seen: tuple[int, Position] | None = None
        self._was_current_at = nanoseconds()

    @property
    def is_away(self) -> bool:
        """Whether the last attempt failed."""
        return self._failures > 0

    @property
    def behind(self) -> float:
        """Seconds since the replica was last known to be current, or since this process started."""
        return (nanoseconds() - self._was_current_at) / SECOND

    def probe(self) -> None:
        """Updates the known state, unless another thread has just done so."""
        now = nanoseconds()
        if primary.knows_position_after(now) and self.open(FreshnessRequirement(now)):
            self._wrapper.close()

    def open(self, required: FreshnessRequirement) -> State | None:
        """Returns what this thread's connection to it shows; None if the replica is unreachable or
        not current enough."""
        if self._is_behind(required) or not self._may_be_tried():
            return None
        wrapper = self._wrapper
        try:
            wrapper.ensure_connection()
            known = _known(wrapper)
            state = None if known is None else _state(known)
            if state is None or not required.satisfied_by(state.current_at, state.replayed):
                state = _state(self._ask(wrapper))
        except Error as error:
            self.failed(error)
            return None
        self._answered()
        self._was_current_at = max(self._was_current_at, state.current_at)
        if required.satisfied_by(state.current_at, state.replayed):
            return state
        wrapper.close()
        return None

    def failed(self, error: Error) -> None:
        """Records an error, and closes the connection, which may still be executing a query."""
        self._wrapper.close()
        if not _is_gone(error):
            return
        with self._lock:
            now = nanoseconds()
            if self._failures and now - self._failed_at < SECOND:
                return  # several threads failed at once
            pause = SECOND << self._failures
            self._failures = min(self._failures + 1, MAX_DOUBLINGS)
            self._failed_at, self._tried_again_at, self._seen = now, now + pause, None
        reason = str(error).strip().partition("\n")[0]
        logger.warning(
            "The primary answers in place of %s for %d s: %s. If this repeats, check the replica.",
            self.alias,
            pause // SECOND,
            reason,
        )

    @property
    def _wrapper(self) -> DatabaseWrapper:
        return cast(DatabaseWrapper, connections[self.alias])

    def _ask(self, wrapper: DatabaseWrapper) -> Position:
        moment = nanoseconds()
        with database.reading_from(self.alias):
            ((is_standby, *row),) = database.rows(sql.REPLAYED)
        if not is_standby or row[-1] is None:
            raise NotAReplica("the server is not a standby")
        replayed = Position(*row)
        vars(wrapper.connection)["larder_replayed"] = replayed
        self._seen = (moment, replayed)
        return replayed

    def _may_be_tried(self) -> bool:
        """Whether the replica has not failed, or this thread is the one that tries it again."""
        if not self._failures:
            return True
        with self._lock:
            now = nanoseconds()
            if now < self._tried_again_at:
                return False
            self._tried_again_at = now + 2 * SECOND
            return True

    def _answered(self) -> None:
        if self._failures:
            with self._lock:
                self._failures = 0

    def _is_behind(self, required: FreshnessRequirement) -> bool:
        """Whether it lagged far behind a moment ago. A hint: the state may have changed since."""
        if self._seen is None:
            return False
        sampled_at, replayed = self._seen
        needed = required.after
        if nanoseconds() - sampled_at > primary.SAMPLE_EVERY or needed > sampled_at - FAR_BEHIND:
            return False
        return positions.current_at(replayed) <= needed


def _known(wrapper: DatabaseWrapper) -> Position | None:
    """Returns the position that the connection reported last. None behind PgBouncer: the next
    statement may go to another server process, or to a server restarted at an earlier position."""
    pooled = wrapper.settings_dict["DISABLE_SERVER_SIDE_CURSORS"]
    found: Position | None = None if pooled else vars(wrapper.connection).get("larder_replayed")
    return found


def _state(replayed: Position) -> State:
    return State(replayed, positions.current_at(replayed))


def _is_gone(error: Error) -> bool:
    """Whether the server is unusable, and not only the statement: it sent no SQLSTATE, or one that
    says that it starts, stops or has no connection left."""
    state = sqlstate(error)
    if not state:
        return isinstance(error, NotAReplica | OperationalError | InterfaceError)
    return state[:2] in {"08", "53", "57", "58"} and state != "57014"


@cache
def replicas() -> tuple[Replica, ...]:
    """Returns the replicas that the settings name."""
    return tuple(Replica(alias) for alias in connections if alias.startswith("replica"))


_rotation = count()
_counting = Lock()
_answered: Counter[str] = Counter()


def count_read(by: str) -> None:
    """Counts a read that a replica can answer, by what answered it: `replica`; `kept` (a cached
    page); or the primary: `asked` (the reader requires it), `behind` (no replica was current
    enough), `failed` (the replica raised an error).
    """
    with _counting:
        _answered[by] += 1


def take_counts() -> Counter[str]:
    """Returns the counts since the last call."""
    with _counting:
        counts = _answered.copy()
        _answered.clear()
    return counts


def read(required: FreshnessRequirement | None, make: Callable[[State | None], Answer]) -> Answer:
    """Returns what `make` returns, on a replica that satisfies the requirement or on the primary.

    `make` gets the state of the replica; None on the primary. If it raises a database error on a
    replica, it is called a second time on the primary, so it must only read. Without a requirement
    the primary is used. Inside a transaction all statements go to the primary.

    While the primary is silent, its last answer decides which replica is current enough. What such
    a replica does not have may exist. Raises PrimarySilent then, and if there is no such replica.
    """
    if required is not None and (found := _find(required)) is not None:
        replica, state, is_late = found
        try:
            with database.reading_from(replica.alias):
                answer = make(state)
        except Error as error:
            replica.failed(error)
            count_read("failed")
        except NotFound:
            if is_late:
                raise PrimarySilent from None
            raise
        else:
            count_read("replica")
            return answer
    else:
        count_read("asked" if required is None else "behind")
    primary.require_answers()
    return make(None)


def answer_reads() -> bool:
    """Returns whether a replica answers reads in place of the primary, which is silent. Asks the
    primary first, so that it is known to be silent without other reads."""
    now = nanoseconds()
    if not replicas() or primary.knows_position_after(now) or not primary.is_silent():
        return False
    found = _find(FreshnessRequirement(now))
    database.release()
    return found is not None and found[2]


def _find(required: FreshnessRequirement) -> tuple[Replica, State, bool] | None:
    """Returns the first replica that satisfies the requirement, and whether the clock has stopped.
    Each call begins with another replica (round robin)."""
    known, first = replicas(), next(_rotation)
    if not primary.knows_position_after(required.after) and not primary.is_silent():
        return None
    stopped_at = primary.stopped_clock()
    if stopped_at is not None and stopped_at < required.since:
        required = replace(required, since=stopped_at)
    for offset in range(len(known)):
        replica = known[(first + offset) % len(known)]
        if (state := replica.open(required)) is not None:
            return replica, state, stopped_at is not None
    return None
