"""Runs code between a commit and its answer, and logs its errors instead of raising them: a client
that saw an error of a log line, a counter or a span would repeat the write."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import ParamSpec, TypeVar

logger = logging.getLogger(__name__)

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def best_effort(
    work: Callable[Parameters, Result], *given: Parameters.args, **named: Parameters.kwargs
) -> Result | None:
    """Returns what `work` returns. If it raises an Exception, logs it and returns None."""
    try:
        return work(*given, **named)
    except Exception:
        logger.exception(
            "%s failed after the work was done. Nothing has to be repeated. If this recurs, report"
            " it.",
            getattr(work, "__qualname__", work),
        )
        return None


@contextmanager
def best_effort_span(span: AbstractContextManager[Result]) -> Iterator[Result | None]:
    """Enters `span` for the block. Errors of the span itself are logged; only those of the block
    are raised."""
    entered = best_effort(span.__enter__)
    try:
        yield entered
    except BaseException:
        best_effort(span.__exit__, *sys.exc_info())
        raise
    best_effort(span.__exit__, None, None, None)
