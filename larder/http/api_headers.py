"""The headers of the APIs that HTTP does not have.

`Correlation-ID` is in each answer and in every line of the log about its request. Other spellings
of a UUID (in braces, with dashes, in capitals) are not taken from clients: a search of the log for
one spelling would miss the others.

`Idempotency-Key` makes a repeat of a write harmless; `Idempotency-Replayed` is in its answer.

`Larder-Position`: an app echoes it to see its own writes at once, also on a replica. It has the
time of the app's last write, and with replicas the position in PostgreSQL's log after it: 27
characters. A value that cannot be read leads to the primary.

`RateLimit-Policy: "orders";q=120;w=3600` and `RateLimit: "orders";r=118;t=30` are those of
draft-ietf-httpapi-ratelimit-headers-10, one policy for each quota. `t` is the time until the quota
has one more unit: it refills evenly, and the draft allows a `t` at which only a part of the quota
is available again.
"""

import math
import re
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, MutableMapping
from os import urandom
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse

from larder.core.clock import now
from larder.core.errors import Fault, InvalidInput
from larder.core.ids import CORRELATION_ID
from larder.core.limits import MAX_IDEMPOTENCY_KEY_LENGTH
from larder.db import database, replicas
from larder.db.replicas import Position
from larder.http.answered_requests import best_effort
from larder.http.negotiation import ADMIN
from larder.identity.services.quotas import REMAINING, Remaining

CORRELATION_HEADER = "Correlation-ID"
CORRELATION_SENT = "HTTP_CORRELATION_ID"
"""The key of the environ for the id."""
_CORRELATION = re.compile(r"[0-9a-f]{32}")
"""32 lower-case hexadecimal digits, as Larder makes them."""


def identify(environ: MutableMapping[str, Any]) -> str:
    """Returns the id of the request, and sets it in the environ and for the log: the client's id if
    it is valid, otherwise a new one."""
    sent: str = environ.get(CORRELATION_SENT) or ""
    id = environ[CORRELATION_SENT] = sent if _CORRELATION.fullmatch(sent) else urandom(16).hex()
    CORRELATION_ID.set(id)
    return id


KEY_HEADER = "Idempotency-Key"
_KEY = re.compile(rf"[!-+\-.-~]{{1,{MAX_IDEMPOTENCY_KEY_LENGTH}}}")


def idempotency_key(meta: Mapping[str, Any]) -> str | None:
    """Returns the `Idempotency-Key`; None without the header.

    A server joins headers of one name with commas (PEP 3333): a key with a comma is two keys.
    Raises InvalidInput unless the key has 1 to MAX_IDEMPOTENCY_KEY_LENGTH visible ASCII characters.
    """
    key: str | None = meta.get("HTTP_IDEMPOTENCY_KEY")
    if key is not None and not _KEY.fullmatch(key):
        some = f"1 to {MAX_IDEMPOTENCY_KEY_LENGTH} visible ASCII characters"
        detail = f"Expected one key of {some}, without a comma."
        raise InvalidInput([Fault(KEY_HEADER, "invalid_format", detail)])
    return key


def operation_of(request: HttpRequest) -> str:
    """Returns the operation of an idempotency key: method and path."""
    return f"{request.method} {request.path}"


def replay_headers(*, replayed: bool) -> dict[str, str]:
    """Returns the header of an answer that repeats an earlier one."""
    return {"Idempotency-Replayed": "true"} if replayed else {}


POSITION_HEADER = "Larder-Position"
POSITION_SENT = "HTTP_LARDER_POSITION"
"""The key of the environ for the value that the app echoes."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

COMMITTED = "larder.committed"
"""The key of the environ for whether the event loop has committed something for the request."""

SETTLED_AFTER = 120
"""Seconds after which a write is over, also one whose answer was lost. A transaction ends within
30 s; the remaining time allows for clocks of two servers that differ by a minute."""

_POSITION = struct.Struct(">IIqI")


class Echo(NamedTuple):
    """What the header says: the position after the write, None if it is not known, and the time of
    the write in seconds since 1970."""

    position: Position | None
    at: int


def encode_position(position: Position | None) -> str:
    """Returns the header's value for a write that ended just now.

    >>> decode_position(encode_position(Position(7, 2, 42))).position
    Position(system=7, timeline=2, byte=42)
    """
    packed = _POSITION.pack(*(position or Position(0, 0, 0)), int(now().timestamp()))
    return urlsafe_b64encode(packed).decode().rstrip("=")


def decode_position(text: str) -> Echo | None:
    """Returns what the header says; None for an invalid value.

    >>> decode_position("0/16B3748"), decode_position("é"), decode_position("")
    (None, None, None)
    """
    try:
        *position, at = _POSITION.unpack(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, struct.error):
        return None
    return Echo(Position(*position) if position[0] else None, at)


def has_written(sent: str | None) -> bool:
    """Returns whether the app that sends this value has written something recently, so that it must
    see what is committed now; True for an invalid value."""
    echo = None if sent is None else decode_position(sent)
    return sent is not None and (echo is None or now().timestamp() - echo.at < SETTLED_AFTER)


def add_headers(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Middleware that adds the id of the request, which scripts of browsers may read; and to each
    answer to a write, in every API, a position after it, and a quota of which little is left.

    An answer to a failure gets a position too, because the failure may have written something; a
    refusal gets none.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        id = identify(request.META)
        database.note_committed(committed=COMMITTED in request.META)
        REMAINING.set(None)
        response = get_response(request)
        headers = response.headers
        headers[CORRELATION_HEADER] = id
        headers.setdefault("Access-Control-Expose-Headers", CORRELATION_HEADER)
        if request.method not in SAFE and not request.path_info.startswith(ADMIN):
            if response.status_code < 300:
                headers[POSITION_HEADER] = position_header()
                remaining = REMAINING.get()
                if remaining is not None and is_near(remaining):
                    for name, value in quota_headers(remaining).items():
                        headers[name] = value
            elif response.status_code >= 500:
                headers[POSITION_HEADER] = encode_position(None)
        return response

    return middleware


def position_header() -> str:
    """Returns the header's value for an answer to a committed write. With replicas the position is
    read from the primary, once for all requests that have committed by then."""
    sample = best_effort(replicas.present) if replicas.replicas() else None
    return encode_position(None if sample is None else sample.position)


QUOTA_HEADERS = frozenset({"RateLimit", "RateLimit-Policy"})


def quota_headers(remaining: Remaining) -> dict[str, str]:
    """Returns the headers of an answer to a request that took from a quota, or was refused one."""
    rate = remaining.rate
    return {
        "RateLimit-Policy": f'"{remaining.name}";q={rate.times};w={rate.seconds}',
        "RateLimit": f'"{remaining.name}";r={remaining.units};t={math.ceil(remaining.wait)}',
    }


NEAR = 10
"""Units. With more of them, and more than a quarter of the quota, an answer says nothing of it."""


def is_near(remaining: Remaining) -> bool:
    """Returns whether so little of the quota is left that the client should know."""
    return remaining.units <= max(NEAR, remaining.rate.times // 4)
