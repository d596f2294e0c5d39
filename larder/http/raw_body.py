"""Reads the body of a request completely, within its limit."""

from collections.abc import Iterator

from django.conf import settings
from django.http import HttpRequest, UnreadablePostError

from larder.core.errors import DomainError
from larder.core.limits import MAX_OPEN_BODY_BYTES
from larder.http.body_limits import BodyTooLarge, declared_length, require_short

CHUNK_BYTES = 64 * 1024


class LengthRequired(DomainError):
    """A body in chunks, for an operation that must not accept an incomplete body.

    The server (granian 2.8) does not report that a body in chunks was cut off.
    """

    code = "length_required"


def raw_body(request: HttpRequest) -> bytes:
    """Returns all bytes of the body.

    Raises BodyTooLarge, LengthRequired, and UnreadablePostError if the client disconnected before
    its end: the first part may be a valid order that the client did not intend.
    """
    if is_chunked(request):
        raise LengthRequired
    length = declared_length(request.META)
    if length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise BodyTooLarge
    return _measured(request, length)


def short_body(request: HttpRequest) -> bytes:
    """Returns all bytes of a body of at most MAX_OPEN_BODY_BYTES. Refuses a longer body without
    reading it.

    Accepts a body in chunks, because an operation without credentials changes no orders or stock.
    Raises BodyTooLarge and UnreadablePostError.
    """
    require_short(request.META)
    if not is_chunked(request):
        return _measured(request, declared_length(request.META))
    raw = b"".join(_parts(request, MAX_OPEN_BODY_BYTES + 1))
    if len(raw) > MAX_OPEN_BODY_BYTES:
        raise BodyTooLarge
    if not raw:
        raise UnreadablePostError("The body is in chunks, and there are none.")
    return raw


def is_chunked(request: HttpRequest) -> bool:
    """Returns whether the body was sent in chunks. Django reads such a body as empty."""
    return not request.META.get("CONTENT_LENGTH") and "HTTP_TRANSFER_ENCODING" in request.META


def _measured(request: HttpRequest, length: int) -> bytes:
    raw = request.body
    if len(raw) < length:
        raise UnreadablePostError("The body ends before its Content-Length.")
    return raw


def _parts(request: HttpRequest, most: int) -> Iterator[bytes]:
    """Yields up to `most` bytes that the client sends, in pieces of at most 64 KiB."""
    while most > 0:
        part = request.META["wsgi.input"].read(min(most, CHUNK_BYTES))
        if not part:
            return
        most -= len(part)
        yield part
