"""A request's bytes, within the limit, and all of them."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic

from django.conf import settings
from django.http import HttpRequest, UnreadablePostError
from django.http.response import HttpResponseBase

from larder.core import waits
from larder.core.errors import DomainError
from larder.core.limits import MAX_DISCARDED_BYTES, MAX_OPEN_BODY_BYTES
from larder.http.short_bodies import LEFT_UNREAD, BodyTooLarge, declared_length, require_short

CHUNK_BYTES = 64 * 1024

TRUSTED_SECONDS = 1.0
"""Seconds for which the credentials of a request are trusted while its body arrives."""


class LengthRequired(DomainError):
    """A body in chunks, where the operation needs to know that all of it came.

    The server (granian 2.8) gives a body in chunks that was cut off as if it had ended.
    """

    code = "length_required"


def raw_body(asked: HttpRequest) -> bytes:
    """Returns all bytes of the body.

    Raises BodyTooLarge, LengthRequired, and UnreadablePostError where the client went away before
    its end: what came may be a valid order that the client did not mean.
    """
    if is_chunked(asked):
        raise LengthRequired
    length = declared_length(asked.META)
    if length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise BodyTooLarge
    return _measured(asked, length)


def is_late(began: float) -> bool:
    """Returns whether a body whose reading began at this time of `monotonic` took more than
    TRUSTED_SECONDS.

    Then the caller is to be authenticated again: a client could send the end of a body after its
    session, its password or its rights were taken away.
    """
    return monotonic() - began > TRUSTED_SECONDS


def short_body(asked: HttpRequest) -> bytes:
    """Returns all bytes of a body of at most MAX_OPEN_BODY_BYTES; refuses a longer one unread.

    A body in chunks is taken: an operation that needs no credentials moves nothing.
    Raises BodyTooLarge and UnreadablePostError.
    """
    require_short(asked.META)
    if not is_chunked(asked):
        return _measured(asked, declared_length(asked.META))
    raw = b"".join(_parts(asked, MAX_OPEN_BODY_BYTES + 1))
    if len(raw) > MAX_OPEN_BODY_BYTES:
        raise BodyTooLarge
    if not raw:
        raise UnreadablePostError("The body is in chunks, and there are none.")
    return raw


def is_chunked(asked: HttpRequest) -> bool:
    """Returns whether the body came in chunks; Django gives such a body as an empty one."""
    return not asked.META.get("CONTENT_LENGTH") and "HTTP_TRANSFER_ENCODING" in asked.META


def _measured(asked: HttpRequest, length: int) -> bytes:
    # A client that sends slowly is waited for; its key was looked up on a connection.
    waits.begin()
    raw = asked.body
    if len(raw) < length:
        raise UnreadablePostError("The body ends before its Content-Length.")
    return raw


def discard_unread(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: reads the rest of a long body before the request is answered.

    The server closes a connection with unread bytes, and a proxy that is still sending answers 502
    in place of a refusal, or has sent the request of another client on it. A short body has arrived
    with the head. LEFT_UNREAD is for paths whose proxies have the same limit.
    """

    def answer(asked: HttpRequest) -> HttpResponseBase:
        response = get_response(asked)
        length = declared_length(asked.META)
        if length > MAX_OPEN_BODY_BYTES and LEFT_UNREAD not in asked.META:
            _discard_rest(asked)
        return response

    return answer


def _discard_rest(asked: HttpRequest) -> None:
    if "HTTP_EXPECT" in asked.META:
        return  # The client sends nothing before "100 Continue" (RFC 9110, section 10.1.1).
    waits.begin()
    left = MAX_DISCARDED_BYTES
    # A client that disconnects while it sends gets no answer.
    with suppress(UnreadablePostError):
        while left > 0 and (part := asked.read(min(left, CHUNK_BYTES))):
            left -= len(part)


def _parts(asked: HttpRequest, most: int) -> Iterator[bytes]:
    """Yields up to `most` bytes that the client sends, in pieces of at most 64 KiB."""
    waits.begin()
    while most > 0:
        part = asked.META["wsgi.input"].read(min(most, CHUNK_BYTES))
        if not part:
            return
        most -= len(part)
        yield part
