"""The points at which a session stops until the scheduler chooses it: before a statement, a commit,
a wait for another thread, and before a request joins a queue."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, Semaphore
from typing import Any, Final

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from larder.core import waits
from larder.core.batch_queue import BatchQueue
from larder.db.postgresql.base import DatabaseWrapper
from larder.db.postgresql.connection import StatementPipeline

SUBMIT: Final = "submit"
"""A statement, given as text, joins a pipeline: it is sent with the next SEND of its thread."""
SEND: Final = "send"
"""Statements are sent: those of the pipeline, or the one that is given as text."""
COMMIT: Final = "commit"
ROLL_BACK: Final = "roll back"
WAIT: Final = "wait"
"""The thread waits for a lock or a semaphore of this process, which is given."""
JOIN: Final = "join"
"""A request joins the batch queue that is given."""

_POINTS: tuple[tuple[type, str, str, Callable[..., object]], ...] = (
    (DatabaseWrapper, "submit", SUBMIT, lambda _, sql, *__: sql),
    (CursorWrapper, "_execute", SEND, lambda _, sql, *__: sql),
    (CursorWrapper, "_executemany", SEND, lambda _, sql, *__: sql),
    (BaseDatabaseWrapper, "_commit", COMMIT, lambda _: None),
    (BaseDatabaseWrapper, "_rollback", ROLL_BACK, lambda _: None),
    (BatchQueue, "put", JOIN, lambda queue, *_: queue),
)
"""Methods, and what is given of their arguments."""


@contextmanager
def stopping(reached: Callable[[str, object], object]) -> Iterator[None]:
    """Calls `reached` at each point within the block."""
    with pytest.MonkeyPatch.context() as patch:
        for owner, name, seam, about in _POINTS:
            patch.setattr(owner, name, _stopped(getattr(owner, name), reached, seam, about))
        run, acquire = StatementPipeline.run, waits.acquire

        def stopped_run(pipeline: StatementPipeline) -> None:
            if pipeline._waiting:
                reached(SEND, None)
            run(pipeline)

        def stopped_acquire(lock: "Lock | Semaphore", timeout: float) -> bool:
            if lock.acquire(blocking=False):
                return True
            waits.release()
            reached(WAIT, lock)
            return acquire(lock, timeout)

        patch.setattr(StatementPipeline, "run", stopped_run)
        patch.setattr(waits, "acquire", stopped_acquire)
        yield


def _stopped(
    method: Any, reached: Callable[[str, object], object], seam: str, about: Callable[..., object]
) -> Callable[..., Any]:
    def stopped(*arguments: Any, **named: Any) -> Any:
        reached(seam, about(*arguments))
        return method(*arguments, **named)

    return stopped
