"""Runs code between a commit and its answer, and logs its errors instead of raising them: a client
that saw an error of a log line or a counter would repeat the write."""

import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

logger = logging.getLogger(__name__)

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def best_effort(
    work: Callable[Parameters, Result], *arguments: Parameters.args, **named: Parameters.kwargs
) -> Result | None:
    """Returns what `work` returns. If it raises an Exception, logs it and returns None."""
    try:
        return work(*arguments, **named)
    except Exception:
        logger.exception(
            "%s failed after the work was done. Nothing has to be repeated. If this recurs, report"
            " it.",
            getattr(work, "__qualname__", work),
        )
        return None
