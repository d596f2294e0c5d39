"""A request's bytes, within the limit, however they are sent."""

from collections.abc import Iterator

from django.conf import settings
from django.http import HttpRequest, UnreadablePostError

from larder.common.errors import DomainError

READ_AWAY = 16 * 1024 * 1024
"""Bytes of a body over the limit that are still taken and thrown away: a client that is sending
does not look for an answer, and would see a broken connection instead of the 413."""


class BodyTooLarge(DomainError):
    """More bytes than DATA_UPLOAD_MAX_MEMORY_SIZE."""

    code = "body_too_large"


def raw_body(asked: HttpRequest) -> bytes:
    """All bytes of the body.

    Raises BodyTooLarge, and UnreadablePostError where the client went away before its end: what
    came may be an order, or half a file of products, that nobody meant to send. The server does not
    tell a body in chunks that was cut off from a whole one (granian 2.8). JSON that was cut is no
    JSON; but nothing may be left of what was to be said.
    """
    if not is_chunked(asked):
        return _measured(asked)
    raw = _chunked(asked)
    if not raw:
        raise UnreadablePostError("The body is in chunks, and there are none.")
    return raw


def is_chunked(asked: HttpRequest) -> bool:
    """Django gives a body without a length as an empty one."""
    return not asked.META.get("CONTENT_LENGTH") and "HTTP_TRANSFER_ENCODING" in asked.META


def _measured(asked: HttpRequest) -> bytes:
    try:
        length = int(asked.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0  # as Django has it
    if length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        _read_away(asked, length)
        raise BodyTooLarge
    raw = asked.body
    if len(raw) < length:
        raise UnreadablePostError("The body ends before its Content-Length.")
    return raw


def _chunked(asked: HttpRequest) -> bytes:
    raw = b""
    for part in _parts(asked, settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1):
        raw += part
    if len(raw) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        _read_away(asked, READ_AWAY)
        raise BodyTooLarge
    return raw


def _read_away(asked: HttpRequest, length: int) -> None:
    if "HTTP_EXPECT" in asked.META:
        return  # it waits for a word before it sends (RFC 9110, section 10.1.1)
    for _ in _parts(asked, min(length, READ_AWAY)):
        pass


def _parts(asked: HttpRequest, most: int) -> Iterator[bytes]:
    """Up to `most` bytes that the client sends, in pieces of at most 64 KiB."""
    while most > 0:
        part = asked.META["wsgi.input"].read(min(most, 65_536))
        if not part:
            return
        most -= len(part)
        yield part
