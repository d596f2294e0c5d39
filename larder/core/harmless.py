"""What runs between a commit and its answer, and must not prevent the answer.

The write is done: an error of a note, a count, a span or a line of the log would tell the client
that it failed, and the client would do it again.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import ParamSpec, TypeVar

logger = logging.getLogger(__name__)

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def harmless(
    work: Callable[Parameters, Result], *given: Parameters.args, **named: Parameters.kwargs
) -> Result | None:
    """Return what `work` returns; None, with a line in the log, where it raises an Exception."""
    try:
        return work(*given, **named)
    except Exception:
        logger.exception("%s failed after the work was done", getattr(work, "__qualname__", work))
        return None


@contextmanager
def harmless_span(span: AbstractContextManager[Result]) -> Iterator[Result | None]:
    """Enter and leave `span` around the block, whose own outcome is the only one that counts."""
    entered = harmless(span.__enter__)
    try:
        yield entered
    except BaseException:
        harmless(span.__exit__, *sys.exc_info())
        raise
    harmless(span.__exit__, None, None, None)
