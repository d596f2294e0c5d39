"""Notes each answered request, for the counts and the log (larder/ops/telemetry/requests.py).

A request adds a tuple to a queue. Once a second, a thread of the process takes the tuples.

Errors of what is done between a commit and its answer are logged instead of raised (`best_effort`):
a client that saw an error of a log line or a counter would repeat the write.
"""

import logging
from collections import deque
from collections.abc import Callable
from time import perf_counter_ns, time
from typing import Any, NamedTuple, ParamSpec, TypeVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase

BEGAN = "larder.began"
"""The WSGI environment's key for the arrival time of a request that waited before Django got it:
nanoseconds of the performance counter."""

KEPT = 65_536
"""Requests in the queue. If the thread hangs, the oldest are dropped, so that memory is limited."""


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


class AnsweredRequest(NamedTuple):
    """An answered request. `route` is the pattern that its path matched, `took` the nanoseconds
    until the answer began, `at` the time of its end in seconds since 1970."""

    method: str | None
    route: str | None
    status: int
    took: int
    at: float
    path: str
    correlation_id: str | None
    caller: Any


answered: deque[AnsweredRequest] = deque(maxlen=KEPT)


def observe(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., Any]:
    """Middleware. It is the outermost, so it sees the id of the answer and the time of all
    others."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        began = request.META.get(BEGAN) or perf_counter_ns()
        response = get_response(request)
        best_effort(_note, request, response, began)
        return response

    return middleware


def _note(request: HttpRequest, response: HttpResponseBase, began: int) -> None:
    match, id = request.resolver_match, response.headers.get("Correlation-ID")
    asked = request.method, None if match is None else match.route, request.path_info
    note(asked, response.status_code, began, id, request.__dict__.get("user"))


Asked = tuple[str | None, str | None, str]
"""The method of a request, the pattern that its path matched, without the first slash (None if it
is not known), and the path."""


def note(asked: Asked, status: int, began: int, correlation_id: str | None, caller: object) -> None:
    """Notes a request. `began` is its arrival by the performance counter."""
    (method, route, path), took = asked, perf_counter_ns() - began
    # A plain tuple in the order of AnsweredRequest: making one takes twice as long.
    done = (method, route, status, took, time(), path, correlation_id, caller)
    best_effort(answered.append, done)  # type: ignore[arg-type]
