"""The header `Larder-Position`: an app echoes it to see its own writes at once, also on a replica.

With replicas it names a position in PostgreSQL's log after the app's last write; otherwise, or if
that is not known, it is a marker with the time of the write. Both have 27 characters. A value that
cannot be read leads to the primary.
"""

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from larder.core.best_effort import best_effort
from larder.core.clock import now
from larder.db import database, positions
from larder.db.positions import Position
from larder.db.replicas import replicas

HEADER = "Larder-Position"
ADMIN = "/admin/"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

COMMITTED = "larder.committed"
"""The key of the environ for whether the event loop has committed something for the request."""

NO_SYSTEM = 0
"""In place of a cluster's identifier: the byte is a time, in seconds since 1970."""

SETTLED_AFTER = 120
"""Seconds. A transaction ends within 30 s, and a replica that answers is at most 100 ms behind. The
remaining time allows for clocks of two servers that differ by a minute."""

_FORM = struct.Struct(">qIq")


def encode(position: Position) -> str:
    """Returns the value of the header.

    >>> decode(encode(Position(7, 2, 42)))
    Position(system=7, timeline=2, byte=42)
    """
    return urlsafe_b64encode(_FORM.pack(*position)).decode().rstrip("=")


def decode(text: str) -> Position | None:
    """Returns the position in the header's value; None for an invalid value.

    >>> decode("0/16B3748"), decode("é"), decode("")
    (None, None, None)
    """
    try:
        return Position(*_FORM.unpack(urlsafe_b64decode(text + "=" * (-len(text) % 4))))
    except (ValueError, struct.error):
        return None


def marker() -> str:
    """Returns the header for a write whose position is not known: the current time."""
    return encode(Position(NO_SYSTEM, 0, int(now().timestamp())))


def is_settled(moment: Position) -> bool:
    """Returns whether the write of this marker is on every replica that may answer."""
    return now().timestamp() - moment.byte > SETTLED_AFTER


def add_positions(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[..., HttpResponse]:
    """Middleware: adds a position after the write to each answer to a write, in every API.

    An answer to a failure gets one too, because the failure may have written something; a refusal
    gets none.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        database.note_committed(committed=COMMITTED in request.META)
        response = get_response(request)
        if request.method not in SAFE and not request.path_info.startswith(ADMIN):
            if response.status_code < 300:
                response.headers[HEADER] = position_header()
            elif response.status_code >= 500:
                response.headers[HEADER] = marker()
        return response

    return middleware


def position_header() -> str:
    """Returns the header's value for an answer to a committed write. With replicas the position is
    read from the primary, once for all requests that have committed by then."""
    sample = best_effort(positions.present) if replicas() else None
    return marker() if sample is None else encode(sample.position)
