"""`Larder-Position`: what an app echoes to see what it has done, whoever answers.

It names the place in the database's log behind which a write is. Opaque: 27 characters, which
apps keep and send back and never look into. One that cannot be read, or is of a history that a
fail-over ended, is no error: what it would have allowed is read from the primary.
"""

import logging
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable

from django.core.exceptions import MiddlewareNotUsed
from django.db import Error
from django.http import HttpRequest, HttpResponse

from larder.api.recent_writes import SAFE
from larder.common import positions
from larder.common.errors import Overloaded
from larder.common.harmless import harmless
from larder.common.positions import Position
from larder.common.replicas import replicas

logger = logging.getLogger(__name__)

HEADER = "Larder-Position"
PATHS = "/api/v1/"
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


def tell_positions(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[..., HttpResponse]:
    """Middleware: each answer to a write of v1 carries a position behind it.

    The primary is asked after the commit, once for all who have committed by then. Without
    replicas nobody has a use for it, and nothing is asked.
    """
    if not replicas():
        raise MiddlewareNotUsed

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        wrote = request.method not in SAFE and response.status_code < 300
        if wrote and request.path_info.startswith(PATHS):
            told = harmless(position_of_a_write)
            if told is not None:
                response.headers[HEADER] = told
        return response

    return middleware


def position_of_a_write() -> str | None:
    """What an answer to a write carries, once it is committed. None without replicas, and where
    it cannot be told: what was written stays so."""
    if not replicas():
        return None
    try:
        return encode(positions.present().position)
    except (Error, Overloaded) as error:
        logger.warning("the position of a write is not known: %s", str(error).partition("\n")[0])
        return None
