"""Compresses reads with gzip.

Each encoding needs a separate ETag. So answers with an ETag are compressed where the ETag is made:
reads of v1 in larder/v1/http.py, product pages once, when they are made.
"""

import gzip
import re
from typing import Any

from django.http import HttpRequest
from django.middleware.gzip import GZipMiddleware

SMALLEST_COMPRESSED = 1024
"""Bytes. A shorter body fits into one packet without compression."""


class Compression(GZipMiddleware):
    """Django's compression, of reads without an ETag that are neither pictures nor asynchronous,
    whose parts would wait for one another."""

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        """Returns the answer, compressed for a client that accepts it."""
        is_short = not response.streaming and len(response.content) < SMALLEST_COMPRESSED
        is_async = getattr(response, "is_async", False)
        is_picture = response.headers.get("Content-Type", "").startswith("image/")
        is_read = request.method in {"GET", "HEAD"}
        if is_short or is_async or is_picture or not is_read or response.has_header("ETag"):
            return response
        return super().process_response(request, response)


def packed(raw: bytes) -> bytes:
    """Returns the compressed bytes. They need no random ones: other sites can make a browser send a
    cookie, but not a token. The same input gives the same output."""
    return gzip.compress(raw, compresslevel=6, mtime=0)


_GZIP = re.compile(r"(?:^|,)\s*gzip\s*(?:;\s*q=([\d.]*)\s*)?(?:,|$)", re.IGNORECASE)


def takes_gzip(request: HttpRequest) -> bool:
    """Returns whether the client accepts gzip: named, with a quality above zero."""
    named = _GZIP.search(request.META.get("HTTP_ACCEPT_ENCODING", ""))
    return named is not None and (named[1] or "1").strip("0.") != ""
