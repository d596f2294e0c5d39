"""Reads from replicas that are current enough for whoever asks, and else from the primary.

The replicas are the databases `replica1`, `replica2` … of the settings. Whether one may answer is
asked of the very connection that is to answer: what it says it has replayed stays true for it,
whichever server its address leads others to. It may have replayed more than it said last, so it is
asked again only when that was not enough.

A replica that is away costs one reader its wait (larder/db/postgresql/bounded.py) and nobody
else: then nobody tries, for a second at first, for eight at the most, and then one does. One that
is too far behind is asked again by somebody every 25 ms. Whatever fails on a replica is read from
the primary: a query that stood in the way of the replay, a table that is not there yet.
"""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import count
from threading import Lock
from typing import TypeVar, cast

from django.db import DatabaseError, Error, InterfaceError, OperationalError, connections

from larder.core.errors import Overloaded
from larder.core.stopwatch import nanoseconds
from larder.db import database, positions
from larder.db.database import sqlstate
from larder.db.positions import Position
from larder.db.postgresql.base import DatabaseWrapper

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

REPLAYED = """
SELECT pg_is_in_recovery(), system_identifier,
       greatest(checkpoints.timeline_id, recovery.min_recovery_end_timeline),
       (pg_last_wal_replay_lsn() - '0/0')::bigint
FROM pg_control_system(), pg_control_checkpoint() AS checkpoints, pg_control_recovery() AS recovery
"""
"""The timeline is a lower bound: a replica that follows a fail-over tells of it some time later,
at its next restart point. As long as it does not it is of another history, and not read from."""

ASK_EVERY = 25_000_000
"""Nanoseconds after which somebody asks the primary where it is, before it is too late."""

FAR_BEHIND = 50_000_000
"""Nanoseconds: a replica that missed so much a moment ago is not asked by everybody."""

SECOND = 1_000_000_000
MOST_DOUBLED = 3
"""Times that the pause of a second after a failure doubles: to eight."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a reader must see: all that was committed before `since` (monotonic nanoseconds), and
    all that lies before `position`."""

    since: int
    position: Position | None = None

    def met_by(self, current_at: int, replayed: Position | None) -> bool:
        """Whether they are, where everything up to then, and up to there, can be seen."""
        if current_at <= self.since:
            return False
        return self.position is None or (replayed is not None and replayed.covers(self.position))


@dataclass(frozen=True, slots=True)
class State:
    """What can be seen on a replica: all before `replayed`, which is all that was committed before
    `current_at` (monotonic nanoseconds), and perhaps more."""

    replayed: Position
    current_at: int


class NotAReplica(DatabaseError):
    """The server is no standby, or has replayed nothing."""


class Replica:
    """One of the databases, as this process has found it."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self._lock = Lock()
        self._failed_at = self._tried_again_at = 0
        self._failures = 0
        self._seen: tuple[int, Position] | None = None
        self._was_current_at = nanoseconds()

    @property
    def is_away(self) -> bool:
        """Whether it failed when it was tried last."""
        return self._failures > 0

    @property
    def behind(self) -> float:
        """Seconds since everything was there, or since this process first thought of it."""
        return (nanoseconds() - self._was_current_at) / SECOND

    def look(self) -> None:
        """Finds out how it is, if nobody else has just done so."""
        now = nanoseconds()
        if _know_the_primary(now) and self.open(Needs(now)):
            self._wrapper.close()

    def open(self, needs: Needs) -> State | None:
        """What this thread's connection to it sees; None when it is away or that is not enough."""
        if self._is_behind(needs) or not self._may_be_tried():
            return None
        wrapper = self._wrapper
        try:
            wrapper.ensure_connection()
            known = _known(wrapper)
            state = None if known is None else _state(known)
            if state is None or not needs.met_by(state.current_at, state.replayed):
                state = _state(self._ask(wrapper))
        except Error as error:
            self.failed(error)
            return None
        self._answered()
        self._was_current_at = max(self._was_current_at, state.current_at)
        if needs.met_by(state.current_at, state.replayed):
            return state
        wrapper.close()
        return None

    def failed(self, error: Error) -> None:
        """Notes an error; gives the connection back, which may be in the middle of something."""
        self._wrapper.close()
        if not _is_gone(error):
            return
        with self._lock:
            now = nanoseconds()
            if self._failures and now - self._failed_at < SECOND:
                return  # many were at it together
            pause = SECOND << self._failures
            self._failures = min(self._failures + 1, MOST_DOUBLED)
            self._failed_at, self._tried_again_at, self._seen = now, now + pause, None
        said = str(error).strip().partition("\n")[0]
        logger.warning("%s is not read from for %d s: %s", self.alias, pause // SECOND, said)

    @property
    def _wrapper(self) -> DatabaseWrapper:
        return cast(DatabaseWrapper, connections[self.alias])

    def _ask(self, wrapper: DatabaseWrapper) -> Position:
        moment = nanoseconds()
        with database.reading_from(self.alias):
            ((is_standby, *row),) = database.rows(REPLAYED)
        if not is_standby or row[-1] is None:
            raise NotAReplica("the server is no standby of another")
        replayed = Position(*row)
        vars(wrapper.connection)["larder_replayed"] = replayed
        self._seen = (moment, replayed)
        return replayed

    def _may_be_tried(self) -> bool:
        """After a failure by one thread, when it is time to."""
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

    def _is_behind(self, needs: Needs) -> bool:
        """Whether it was a moment ago, by far. A hint: another connection may know better."""
        if self._seen is None:
            return False
        asked_at, replayed = self._seen
        if nanoseconds() - asked_at > ASK_EVERY or needs.since > asked_at - FAR_BEHIND:
            return False
        return positions.current_at(replayed) <= needs.since


def _known(wrapper: DatabaseWrapper) -> Position | None:
    """What the connection has said last. Behind PgBouncer it may be another server process's by
    now, or that of a server which has started anew at an earlier place: nothing is known."""
    pooled = wrapper.settings_dict["DISABLE_SERVER_SIDE_CURSORS"]
    found: Position | None = None if pooled else vars(wrapper.connection).get("larder_replayed")
    return found


def _state(replayed: Position) -> State:
    return State(replayed, positions.current_at(replayed))


def _is_gone(error: Error) -> bool:
    """Whether the server is away or of no use, and not just a statement: it said nothing, or that
    it ends, begins, or has no connection left."""
    state = sqlstate(error)
    if not state:
        return isinstance(error, NotAReplica | OperationalError | InterfaceError)
    return state[:2] in {"08", "53", "57", "58"} and state != "57014"


@cache
def replicas() -> tuple[Replica, ...]:
    """Those that the settings name."""
    return tuple(Replica(alias) for alias in connections if alias.startswith("replica"))


_turns = count()
_counting = Lock()
_answered: Counter[str] = Counter()


def tell(by: str) -> None:
    """Counts a read that a replica could have answered, and who did: `replica`, `kept` (a page
    that was there), or why the primary: `asked` (the reader needs it), `behind` (no replica would
    do), `failed` (one did).
    """
    with _counting:
        _answered[by] += 1


def take_counts() -> Counter[str]:
    """What this process has counted since this was called last."""
    with _counting:
        counts = _answered.copy()
        _answered.clear()
    return counts


def read(needs: Needs | None, make: Callable[[State | None], Answer]) -> Answer:
    """What `make` gives, on a replica that meets the needs, or on the primary.

    It is given what the replica sees, None on the primary, and is called a second time when it
    raised a database error on a replica, so it must change nothing. Without needs no replica will
    do. In a transaction everything is the primary's.
    """
    if needs is not None and (found := _find(needs)) is not None:
        replica, state = found
        try:
            with database.reading_from(replica.alias):
                answer = make(state)
        except Error as error:
            replica.failed(error)
            tell("failed")
        else:
            tell("replica")
            return answer
    else:
        tell("asked" if needs is None else "behind")
    return make(None)


def _find(needs: Needs) -> tuple[Replica, State] | None:
    """The first that will do, each in turn being the first to be asked."""
    known, first = replicas(), next(_turns)
    if not _know_the_primary(needs.since):
        return None
    for offset in range(len(known)):
        replica = known[(first + offset) % len(known)]
        if (state := replica.open(needs)) is not None:
            return replica, state
    return None


_turn = Lock()


def _know_the_primary(since: int) -> bool:
    """Whether it is known where the primary was after that moment.

    Somebody asks early enough that nobody else has to, as long as there are readers.
    """
    asked_at = positions.last_asked()
    if asked_at <= since:
        return _ask_the_primary()
    if nanoseconds() - asked_at > ASK_EVERY and _turn.acquire(blocking=False):
        try:
            return _ask_the_primary()
        finally:
            _turn.release()
    return True


def _ask_the_primary() -> bool:
    try:
        positions.present()
    except (Error, Overloaded):
        return False
    # The connection is needed by whoever writes; this one reads elsewhere.
    database.release()
    return True
