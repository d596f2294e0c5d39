"""The header `Larder-Position`: an app echoes it to see its own writes at once, also on a replica.

It has the time of the app's last write, and with replicas the position in PostgreSQL's log after
it: 27 characters. A value that cannot be read leads to the primary.
"""

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse

from larder.core.best_effort import best_effort
from larder.core.clock import now
from larder.db import database, replicas
from larder.db.replicas import Position
from larder.http.negotiation import ADMIN

HEADER = "Larder-Position"
SENT = "HTTP_LARDER_POSITION"
"""The key of the environ for the value that the app echoes."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

COMMITTED = "larder.committed"
"""The key of the environ for whether the event loop has committed something for the request."""

SETTLED_AFTER = 120
"""Seconds after which a write is over, also one whose answer was lost. A transaction ends within
30 s; the remaining time allows for clocks of two servers that differ by a minute."""

_FORM = struct.Struct(">IIqI")


class Echo(NamedTuple):
    """What the header says: the position after the write, None if it is not known, and the time of
    the write in seconds since 1970."""

    position: Position | None
    at: int


def encode(position: Position | None) -> str:
    """Returns the header's value for a write that ended just now.

    >>> decode(encode(Position(7, 2, 42))).position, decode(encode(None)).position
    (Position(system=7, timeline=2, byte=42), None)
    """
    packed = _FORM.pack(*(position or Position(0, 0, 0)), int(now().timestamp()))
    return urlsafe_b64encode(packed).decode().rstrip("=")


def decode(text: str) -> Echo | None:
    """Returns what the header says; None for an invalid value.

    >>> decode("0/16B3748"), decode("é"), decode("")
    (None, None, None)
    """
    try:
        *position, at = _FORM.unpack(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, struct.error):
        return None
    return Echo(Position(*position) if position[0] else None, at)


def has_written(sent: str | None) -> bool:
    """Returns whether the app that sends this value has written something recently, so that it must
    see what is committed now; True for an invalid value."""
    echo = None if sent is None else decode(sent)
    return sent is not None and (echo is None or now().timestamp() - echo.at < SETTLED_AFTER)


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
                response.headers[HEADER] = encode(None)
        return response

    return middleware


def position_header() -> str:
    """Returns the header's value for an answer to a committed write. With replicas the position is
    read from the primary, once for all requests that have committed by then."""
    sample = best_effort(replicas.present) if replicas.replicas() else None
    return encode(None if sample is None else sample.position)
