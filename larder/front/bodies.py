"""Reads the body of a request on the event loop, before a thread works for the request."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.conf import settings

from larder.core.limits import MAX_BODY_BYTES, MAX_DISCARDED_BYTES, MAX_OPEN_BODY_BYTES
from larder.core.waits import SlotsPerKey
from larder.http.addresses import client_address
from larder.http.bodies import declared_length

Receive = Callable[[], Awaitable[Mapping[str, Any]]]

SECONDS = 30.0
"""Seconds in which a body must arrive."""

BYTES_PER_SECOND = 64 * 1024
"""A longer body has a second more for so many bytes."""

LONG = 64 * 1024
"""Bytes from which on a body is long."""

LONG_OF_AN_ADDRESS = 8
"""Long bodies that a process reads at once for a client address."""

LONG_AT_ONCE = 24
"""Long bodies that a process reads at once. Those of staff have up to MAX_DISCARDED_BYTES."""

SIGNED = "/api/v1/payments/providers/"
"""Paths of bodies that have a signature in place of credentials."""

_of_addresses = SlotsPerKey(LONG_OF_AN_ADDRESS)
_of_all = SlotsPerKey(LONG_AT_ONCE)


class TooSlow(Exception):
    """The body did not arrive in time."""


def is_sent(environ: Mapping[str, Any]) -> bool:
    """Returns whether a request may have a body."""
    return "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ


async def read(environ: Mapping[str, Any], receive: Receive) -> bytes | None:
    """Returns the body; None if it is longer than Django reads it for this request.

    Of a body in chunks, whose length is not known, returns up to MAX_OPEN_BODY_BYTES and one more.
    It is shorter than its length if the client disconnected, which Django refuses.
    Raises TooSlow, Overloaded.
    """
    length = declared_length(environ)
    if not length:
        is_chunked = not environ.get("CONTENT_LENGTH") and "HTTP_TRANSFER_ENCODING" in environ
        return await _read(receive, MAX_OPEN_BODY_BYTES + 1) if is_chunked else b""
    if length > _most(environ):
        return None
    if length <= LONG:
        return await _read(receive, length)
    address = client_address(environ, settings.TRUSTED_PROXIES)
    with _of_addresses.hold(address), _of_all.hold(None):
        return await _read(receive, length)


def _most(environ: Mapping[str, Any]) -> int:
    path = environ["PATH_INFO"]
    if path.startswith(SIGNED):
        return MAX_BODY_BYTES
    if not ("HTTP_AUTHORIZATION" in environ or "HTTP_COOKIE" in environ):
        return MAX_OPEN_BODY_BYTES
    return MAX_DISCARDED_BYTES if path.startswith("/admin/") else MAX_BODY_BYTES


async def _read(receive: Receive, length: int) -> bytes:
    try:
        async with asyncio.timeout(SECONDS + length / BYTES_PER_SECOND):
            return await _parts(receive, length)
    except TimeoutError:
        raise TooSlow from None


async def _parts(receive: Receive, length: int) -> bytes:
    """Returns up to `length` bytes, or more if the last part has more."""
    message = await receive()
    raw: bytes | bytearray = message.get("body", b"")
    while len(raw) < length and message.get("more_body"):
        message = await receive()
        raw = bytearray(raw) if isinstance(raw, bytes) else raw
        raw += message.get("body", b"")
    return bytes(raw)


async def discard(receive: Receive) -> None:
    """Reads the rest of a body that is not used, up to MAX_DISCARDED_BYTES.

    Otherwise the server closes the connection with unread bytes, and a proxy that is still sending
    answers 502 in place of the refusal, or has already sent another client's request on it.
    """
    left = MAX_DISCARDED_BYTES
    try:
        async with asyncio.timeout(SECONDS):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body"):
                    return
    except TimeoutError:
        return
