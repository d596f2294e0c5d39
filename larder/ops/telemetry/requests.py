"""Counts each request for Prometheus, and writes one line of the log for it.

Once a second, a thread of the process takes the requests from larder/http/answered_requests.py,
counts them and writes their lines. docs/reference/metrics.md has the cost.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec
from django.conf import settings
from django.utils.functional import SimpleLazyObject

from larder.http.answered_requests import AnsweredRequest
from larder.ops.telemetry import instruments, logs

SECONDS = 1e-9
"""Seconds in a nanosecond."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD = "other"
NOWHERE = "(none)"
"""The route of all paths that do not exist: clients can invent any number of them."""
ADMIN = "admin/"
"""The admin's hundred routes count as one."""
LONGEST_PATH = 200
PIECE = 4096
"""Bytes that a write to a pipe does not split, so that lines of several processes do not mix."""


def count(answered: Iterable[AnsweredRequest]) -> None:
    """Counts requests by method, route and class of status, and their durations by method and
    route."""
    # Labels are made once for each kind of request, not for each request.
    kinds: dict[Any, list[float]] = defaultdict(list)
    for method, route, status, took, *_ in answered:
        kinds[method, route, status].append(took * SECONDS)
    for (method, route, status), durations in kinds.items():
        where = (method if method in METHODS else OTHER_METHOD), _label(route)
        instruments.REQUESTS.labels(*where, f"{status // 100}xx").inc(len(durations))
        histogram = instruments.DURATION.labels(*where)
        for seconds in durations:
            histogram.observe(seconds)


@cache
def _label(route: str | None) -> str:
    """
    >>> _label("api/v1/orders/<id:order>"), _label("admin/orders/order/add/"), _label(None)
    ('/api/v1/orders/<id:order>', '/admin/', '(none)')
    """
    if route is None:
        return NOWHERE
    return "/" + (ADMIN if route.startswith(ADMIN) else route)


def write_lines(taken: Sequence[AnsweredRequest]) -> None:
    """Writes the lines of requests to the log, if LOG_LEVEL includes INFO."""
    if settings.LOG_LEVEL in {"INFO", "DEBUG"}:
        for piece in _pieces(map(_line, taken)):
            logs.write(piece)


def _pieces(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yields whole lines, together at most PIECE bytes."""
    piece = b""
    for line in lines:
        if piece and len(piece) + len(line) > PIECE:
            yield piece
            piece = b""
        piece += line
    if piece:
        yield piece


_encoder = msgspec.json.Encoder()


def _line(done: AnsweredRequest) -> bytes:
    """Returns the line of a request, without the query, which may contain secrets."""
    method, route, status, took, at, path, correlation_id, caller = done
    shown = {
        "event": "request",
        "method": method,
        "route": _label(route),
        "path": path[:LONGEST_PATH],
        "status": status,
        "seconds": took // 1000 / 1e6,
        "caller": _public_id(caller),
        "correlation_id": correlation_id,
        "level": "info",
        "logger": "larder.requests",
        "timestamp": datetime.fromtimestamp(at, UTC),
    }
    return _encoder.encode(shown) + b"\n"


def _public_id(caller: Any) -> Any:
    """Returns the public id of a Caller, or of a user with a browser session if the user was read:
    reading it now would need a query."""
    if isinstance(caller, SimpleLazyObject):
        caller = caller.__dict__["_wrapped"]
    return getattr(caller, "public_id", None)
