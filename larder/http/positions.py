"""`Larder-Position`: what an app echoes to see what it has done, whoever answers.

It names the place in the database's log behind which a write is. Opaque: 27 characters, which
apps keep and send back and never look into. One that cannot be read, or is of a history that a
fail-over ended, is no error: what it would have allowed is read from the primary. The answer to a
write whose position is not known has a marker with the time, which replaces the app's older one.
"""

import logging
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from time import time

from django.core.exceptions import MiddlewareNotUsed
from django.db import Error
from django.http import HttpRequest, HttpResponse

from larder.core.errors import Overloaded
from larder.core.harmless import harmless
from larder.db import positions
from larder.db.positions import Position
from larder.db.replicas import replicas
from larder.http.read_your_writes import SAFE

logger = logging.getLogger(__name__)

HEADER = "Larder-Position"
ADMIN = "/admin/"
NO_SYSTEM = 0
"""In the place of a cluster's identifier: the byte is a moment, in seconds since 1970."""

SETTLED_AFTER = 120
"""Seconds. A transaction ends within 30 s, and a replica that answers is at most 100 ms behind. The
rest is for the clocks of two servers, which may differ by a minute."""

_FORM = struct.Struct(">qIq")


def encode(position: Position) -> str:
    """As the header carries it.

    >>> decode(encode(Position(7, 2, 42)))
    Position(system=7, timeline=2, byte=42)
    """
    return urlsafe_b64encode(_FORM.pack(*position)).decode().rstrip("=")


def decode(text: str) -> Position | None:
    """None for what no server of ours has made.

    >>> decode("0/16B3748"), decode("é"), decode("")
    (None, None, None)
    """
    try:
        return Position(*_FORM.unpack(urlsafe_b64decode(text + "=" * (-len(text) % 4))))
    except (ValueError, struct.error):
        return None


def without_place() -> str:
    """Returns the header of a write whose position is not known: a marker with the present time."""
    return encode(Position(NO_SYSTEM, 0, int(time())))


def is_settled(moment: Position) -> bool:
    """Whether a write without a known place is on every replica that may answer."""
    return time() - moment.byte > SETTLED_AFTER


def tell_positions(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[..., HttpResponse]:
    """Middleware: each answer to a write carries a position behind it, at every API.

    It is read from the primary after the commit, once for all requests that have committed by
    then. A failure may have written something all the same; a refusal has not. Without replicas no
    client has a use for it, and nothing is read.
    """
    if not replicas():
        raise MiddlewareNotUsed

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        writes = request.method not in SAFE and not request.path_info.startswith(ADMIN)
        if writes and response.status_code < 300:
            response.headers[HEADER] = position_to_tell() or without_place()
        elif writes and response.status_code >= 500:
            response.headers[HEADER] = without_place()
        return response

    return middleware


def position_to_tell() -> str | None:
    """Returns what an answer to a write carries, once it is committed; None without replicas."""
    return (harmless(position_of_a_write) or without_place()) if replicas() else None


def position_of_a_write() -> str | None:
    """Returns where the primary is; None where it is not known: the write stays committed."""
    try:
        return encode(positions.present().position)
    except (Error, Overloaded) as error:
        logger.warning("the position of a write is not known: %s", str(error).partition("\n")[0])
        return None
