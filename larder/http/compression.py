"""Compresses answers with gzip.

Each encoding needs a separate ETag. So answers with an ETag are compressed where the ETag is made:
reads of v1 in larder/v1/http.py; product pages and OpenAPI documents once, when they are made.
"""

import gzip
import re
from collections.abc import Callable, Iterator
from typing import cast

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.text import compress_sequence, compress_string

SMALLEST_COMPRESSED = 1024
"""Bytes. A shorter body fits into one packet without compression."""

COMPRESSED = frozenset(
    {
        *("text/html", "text/css", "text/javascript", "text/csv"),
        *("application/javascript", "application/json"),
    }
)

MAX_RANDOM_BYTES = 100
"""Random bytes that are added to each answer compressed here, as Django's GZipMiddleware does, so
that its length reveals less of its content (BREACH). Django also writes the CSRF token differently
into each page."""

Answering = Callable[[HttpRequest], HttpResponseBase]


def compress(get_response: Answering) -> Answering:
    """Middleware that compresses reads for clients that accept it, with Vary: Accept-Encoding."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        compress_read(request, response)
        return response

    return middleware


def compress_read(request: HttpRequest, response: HttpResponseBase) -> None:
    """Compresses the answer to a GET or HEAD, unless it has an ETag or is compressed already. A
    file that is written while the client reads it is compressed in parts."""
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    if request.method not in {"GET", "HEAD"} or kind not in COMPRESSED:
        return
    if isinstance(response, HttpResponse):
        _compress(request, response)
    elif isinstance(response, StreamingHttpResponse):
        _compress_parts(request, response)


def _compress(request: HttpRequest, response: HttpResponse) -> None:
    content = response.content
    if len(content) < SMALLEST_COMPRESSED:
        return
    if response.has_header("ETag") or response.has_header("Content-Encoding"):
        return
    patch_vary_headers(response, ["Accept-Encoding"])
    if not takes_gzip(request):
        return
    response.content = compress_string(content, max_random_bytes=MAX_RANDOM_BYTES)
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Content-Length"] = str(len(response.content))


def _compress_parts(request: HttpRequest, response: StreamingHttpResponse) -> None:
    patch_vary_headers(response, ["Accept-Encoding"])
    if takes_gzip(request):
        parts = cast(Iterator[bytes], response.streaming_content)
        compressed = compress_sequence(parts, max_random_bytes=MAX_RANDOM_BYTES)
        response.streaming_content = compressed
        response.headers["Content-Encoding"] = "gzip"


def note_encoding(response: HttpResponse, *, is_packed: bool) -> None:
    """Adds `Vary: Accept-Encoding`, and `Content-Encoding` to a compressed response."""
    if is_packed and response.content:
        response.headers["Content-Encoding"] = "gzip"
    patch_vary_headers(response, ["Accept-Encoding"])


def packed(raw: bytes) -> bytes:
    """Returns the compressed bytes. They need no random ones: other sites can make a browser send a
    cookie, but not a token. The same input gives the same output."""
    return gzip.compress(raw, compresslevel=6, mtime=0)


_GZIP = re.compile(r"(?:^|,)\s*gzip\s*(?:;\s*q=([\d.]*)\s*)?(?:,|$)", re.IGNORECASE)


def takes_gzip(request: HttpRequest) -> bool:
    """Returns whether the client accepts gzip: named, with a quality above zero."""
    found = _GZIP.search(request.META.get("HTTP_ACCEPT_ENCODING", ""))
    return found is not None and (found[1] is None or found[1].strip("0.") != "")
