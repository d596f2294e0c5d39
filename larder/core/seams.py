"""Names the points at which a test can choose which thread goes on.

A thread calls `reached` before each such step. The scheduler of tests/system/interleavings replaces
it.
"""

from typing import Final

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


def reached(seam: str, about: object = None) -> None:
    """Does nothing."""
