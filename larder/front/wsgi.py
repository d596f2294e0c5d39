"""Between ASGI, as the server speaks it, and WSGI, as Django's views do (PEP 3333)."""

import sys
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from io import BytesIO
from math import inf
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
Headers = list[tuple[bytes, bytes]]

JOINED_BYTES = 1024 * 1024
"""A file with at most so many bytes is sent at once, not in parts."""


class Answer(NamedTuple):
    """An answer: status, headers, body."""

    status: int
    headers: Headers
    body: bytes


Begin = Callable[[int, Headers], None]
Push = Callable[[bytes], bool]
"""Sends a part, when the client has taken those before. Returns whether the client still reads."""


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
    return environ


@lru_cache(maxsize=512)
def _key(name: bytes) -> str | None:
    if b"_" in name:
        return None
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"


def call(
    application: Application, environ: dict[str, Any], raw: bytes, begin: Begin, push: Push
) -> Answer | None:
    """Returns the application's answer. Sends a long one in parts with `begin` and `push`, and
    returns None at its end."""
    environ["wsgi.input"] = BytesIO(raw)
    # Django reads no body without its length, as one in chunks is sent.
    if raw and not environ.get("CONTENT_LENGTH"):
        environ["CONTENT_LENGTH"] = str(len(raw))
    began: list[Any] = []
    content = application(environ, lambda *arguments: began.extend(arguments))
    try:
        if not getattr(content, "streaming", False):
            body = b"".join(content)
            return _answer(began, body)
        if environ["REQUEST_METHOD"] == "HEAD":
            return _answer(began, b"")
        if _length(began[1]) <= JOINED_BYTES:
            return _answer(began, b"".join(content))
        answer = _answer(began, b"")
        begin(answer.status, answer.headers)
        for part in content:
            if part and not push(part):
                break
        return None
    finally:
        close = getattr(content, "close", None)
        if close is not None:
            close()


def _answer(began: list[Any], body: bytes) -> Answer:
    status, headers = began[:2]
    return Answer(int(status[:3]), encoded(headers), body)


def encoded(headers: Iterable[tuple[str, str]]) -> Headers:
    """Returns headers as ASGI has them."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _length(headers: Iterable[tuple[str, str]]) -> float:
    """Returns the Content-Length; infinity without one."""
    lengths = (int(value) for name, value in headers if name.lower() == "content-length")
    return next(lengths, inf)
