"""Marks the timeline of the primary in a table, so that a replica shows which timeline it follows.

After a fail-over a replica's own functions report the former timeline until its next restart point:
for minutes. A row that the successor has written shows it with the next commit that is replayed.
"""

import logging
from threading import Event, Lock, Thread

from larder.core import waits
from larder.db import database, sql
from larder.db.positions import Position

logger = logging.getLogger(__name__)

TRY_EVERY = 1.0
"""Seconds between two tries. A commit waits while the primary has no synchronous standby."""

_lock = Lock()
_marked: tuple[int, int] | None = None


def mark(position: Position) -> None:
    """Marks the timeline of a position, unless this process has marked it last. A separate thread
    writes: a commit may have to wait."""
    global _marked  # noqa: PLW0603  the pair is replaced as a whole
    history = position[:2]
    if history == _marked:
        return
    with _lock:
        if history == _marked:
            return
        before, _marked = _marked, history
    try:
        Thread(target=_write, args=[history], name="timeline", daemon=True).start()
    except RuntimeError:  # there is no room for a thread
        _marked = before


def _write(history: tuple[int, int]) -> None:
    """Writes the present timeline, until it has been written or another one is to be marked."""
    pause = Event()
    while history == _marked:
        try:
            database.execute(sql.MARK_TIMELINE)
        except Exception as error:  # whatever it is: replicas are not read from until it is written
            logger.debug("The timeline is not marked yet: %s", error)
            waits.wait(pause, TRY_EVERY)
        else:
            break
    database.release()
