"""Whether the primary answers, and whether its position a moment ago is known.

While there are readers of replicas, one thread asks the primary for its position every
SAMPLE_EVERY. If it gets no answer within ANSWER_WITHIN, the primary is *silent*. From then on no
reader asks: a separate thread does, until there is an answer.

While the primary is silent, the clock of the readers stops at its last answer, for at most
LONGEST_STOP. A replica that was current enough at that moment still is, because this process has
acknowledged nothing since, except what the read-your-writes table and the positions of clients say.
"""

import logging
from threading import Event, Lock, Thread

from django.db import Error

from larder.core import waits
from larder.core.errors import DomainError, Overloaded
from larder.core.stopwatch import nanoseconds
from larder.db import database, positions, timelines
from larder.db.postgresql.pool import prioritized

logger = logging.getLogger(__name__)

SAMPLE_EVERY = 25_000_000
"""Nanoseconds after which one thread asks the primary for its position again, in advance."""

TURN_WITHIN = 0.5
"""Seconds that a reader waits for the query of another thread. If it takes longer, the primary
is silent."""

ASK_EVERY = 0.1
"""Seconds between two queries to a primary that is silent."""

LONGEST_STOP = 30_000_000_000
"""Nanoseconds for which the clock stops: an answer is never older than that."""

LACKED_AT_MOST = 100_000_000
"""Nanoseconds before the primary's last answer that a replica may lack."""


class PrimarySilent(DomainError):
    """The primary does not answer, and no replica can answer in its place."""

    code = "database_unavailable"


_asking = Lock()
_silent = Event()
_lock = Lock()


def is_silent() -> bool:
    """Returns whether this process got no answer to its last query."""
    return _silent.is_set()


def require_answers() -> None:
    """Raises PrimarySilent if the primary is silent: waiting for it would block a thread."""
    if is_silent():
        raise PrimarySilent


def stopped_clock() -> int | None:
    """Returns the moment at which the clock of the readers stopped, less what a replica may lack.
    None while it runs, and when it has stopped for too long."""
    last = positions.last_sampled()
    if not is_silent() or not last or nanoseconds() - last > LONGEST_STOP:
        return None
    return last - LACKED_AT_MOST


def knows_position_after(moment: int) -> bool:
    """Returns whether a position of the primary after `moment` is known. Asks if it is not, unless
    the primary is silent."""
    if is_silent():
        return positions.last_sampled() > moment
    sampled_at = positions.last_sampled()
    if sampled_at <= moment:
        with waits.holding(_asking, TURN_WITHIN) as is_turn:
            if positions.last_sampled() <= moment:
                if not is_turn:
                    _fall_silent("the primary does not answer")
                elif not is_silent():
                    _ask()
    elif nanoseconds() - sampled_at > SAMPLE_EVERY and _asking.acquire(blocking=False):
        try:
            _ask()
        finally:
            _asking.release()
    return positions.last_sampled() > moment


def _ask() -> None:
    try:
        timelines.mark(positions.present().position)
    except Overloaded:
        pass
    except Error as error:
        _fall_silent(str(error).strip().partition("\n")[0])
    finally:
        # Other threads need the connection to write; this thread reads from a replica.
        database.release()


def _fall_silent(reason: str) -> None:
    with _lock:
        if is_silent():
            return
        _silent.set()
        try:
            Thread(target=_listen, name="primary", daemon=True).start()
        except RuntimeError:  # there is no room for a thread
            _silent.clear()
    logger.warning("Replicas answer what they can: %s; check the primary.", reason)


def _listen() -> None:
    """Asks the primary until it answers."""
    pause = Event()
    while True:
        try:
            with prioritized():
                positions.present()
        except Exception:  # whatever it is: readers rely on this thread
            waits.wait(pause, ASK_EVERY)
        else:
            break
    database.release()
    _silent.clear()
    logger.info("The primary answers again.")
