"""Requests, as the event loop reads them: the environment that Django's views get (WSGI, PEP 3333),
the body, which is read before a thread works for the request, and the key by which requests have
the same headers in their answers."""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

from django.conf import settings

from larder.core.limits import MAX_BODY_BYTES, MAX_DISCARDED_BYTES, MAX_OPEN_BODY_BYTES
from larder.core.waits import SlotsPerKey
from larder.http.addresses import client_address
from larder.http.bodies import declared_length
from larder.http.refusals import BodyTimeout

_ALWAYS: dict[str, Any] = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}


def environ_of(scope: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the WSGI environment of a request, without its body.

    Headers with an underscore are left out: they would look like others with a hyphen.
    """
    path = scope["raw_path"]
    environ = _ALWAYS.copy()
    environ["REQUEST_METHOD"] = scope["method"]
    environ["PATH_INFO"] = (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1")
    environ["QUERY_STRING"] = scope["query_string"].decode("latin-1")
    environ["SERVER_NAME"], port = scope["server"]
    environ["SERVER_PORT"] = str(port)
    environ["SERVER_PROTOCOL"] = f"HTTP/{scope['http_version']}"
    environ["REMOTE_ADDR"] = scope["client"][0]
    environ["wsgi.url_scheme"] = scope["scheme"]
    for name, value in scope["headers"]:
        key = _key(name)
        if key is None:
            continue
        text = value.decode("latin-1")
        if key in environ:
            text = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{text}"
        environ[key] = text
    drop_charset(environ)
    return environ


def drop_charset(environ: dict[str, Any]) -> None:
    """Leaves no parameter of the Content-Type except a boundary: Django decodes queries and forms
    with any codec that the client names, such as Python's rot13."""
    if ";" in environ.get("CONTENT_TYPE", ""):
        media_type, *parameters = environ["CONTENT_TYPE"].split(";")
        boundaries = (text for text in parameters if text.strip().lower().startswith("boundary="))
        environ["CONTENT_TYPE"] = ";".join([media_type, *boundaries])


@lru_cache(maxsize=512)
def _key(name: bytes) -> str | None:
    if b"_" in name:
        return None
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"


Key = tuple[object, ...]

KEY_HEADERS = (
    *("QUERY_STRING", "HTTP_HOST", "SERVER_NAME", "SERVER_PORT"),
    *("wsgi.url_scheme", "HTTP_X_FORWARDED_PROTO", "HTTP_ACCEPT", "HTTP_ACCEPT_ENCODING"),
    "CONTENT_TYPE",
)
"""The parts of a request on which the headers of its answer depend, besides the operation and the
caller. Each operation has its own table."""

BYPASS_HEADERS = ("HTTP_ORIGIN", "HTTP_COOKIE")
"""Headers that Django reads and that a mobile app does not send."""

_ORDER = re.compile(r"(?<=/orders/)[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?=/)")


def pattern_of(path: str) -> str:
    """Returns the pattern of a path, as the resolver of v1 has it: without the id of an order."""
    return _ORDER.sub("<id:order>", path)


def key_of(environ: Mapping[str, Any]) -> Key | None:
    """Returns the key of the request; None if it has one of BYPASS_HEADERS."""
    if any(map(environ.get, BYPASS_HEADERS)):
        return None
    return tuple([environ.get(name) for name in KEY_HEADERS])


Receive = Callable[[], Awaitable[Mapping[str, Any]]]

BODY_SECONDS = 30.0
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


def has_body(environ: Mapping[str, Any]) -> bool:
    """Returns whether a request may have a body."""
    return "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ


async def read_body(environ: Mapping[str, Any], receive: Receive) -> bytes | None:
    """Returns the body; None if it is longer than Django reads it for this request.

    Of a body in chunks, whose length is not known, returns up to MAX_OPEN_BODY_BYTES and one more.
    It is shorter than its length if the client disconnected, which Django refuses.
    Raises BodyTimeout, Overloaded.
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
        async with asyncio.timeout(BODY_SECONDS + length / BYTES_PER_SECOND):
            return await _parts(receive, length)
    except TimeoutError:
        raise BodyTimeout from None


async def _parts(receive: Receive, length: int) -> bytes:
    """Returns up to `length` bytes, or more if the last part has more."""
    message = await receive()
    raw: bytes | bytearray = message.get("body", b"")
    while len(raw) < length and message.get("more_body"):
        message = await receive()
        raw = bytearray(raw) if isinstance(raw, bytes) else raw
        raw += message.get("body", b"")
    return bytes(raw)


async def discard_body(receive: Receive) -> None:
    """Reads the rest of a body that is not used, up to MAX_DISCARDED_BYTES.

    Otherwise the server closes the connection with unread bytes, and a proxy that is still sending
    answers 502 in place of the refusal, or has already sent another client's request on it.
    """
    left = MAX_DISCARDED_BYTES
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body"):
                    return
    except TimeoutError:
        return
