"""Bodies: those of requests, with their limits, as bytes and as JSON, and those of answers, with
their ETags."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from django.conf import settings
from django.http import HttpRequest, UnreadablePostError

from larder.core.errors import DomainError
from larder.core.limits import MAX_OPEN_BODY_BYTES

Kind = TypeVar("Kind", bound=msgspec.Struct)

MAX_JSON_BRACKETS = 20_000
"""Brackets of a body: one of MAX_LINES lines has 2,000."""

TOO_DEEP = f"The JSON is nested too deeply, or has more than {MAX_JSON_BRACKETS} brackets."


class BodyTooLarge(DomainError):
    """The body is too large."""

    code = "body_too_large"


class LengthRequired(DomainError):
    """The body requires a Content-Length header. The server (granian 2.8) does not report that a
    body in chunks was cut off."""

    code = "length_required"


def declared_length(meta: Mapping[str, Any]) -> int:
    """Returns the Content-Length; 0 if it is missing or invalid.

    >>> [declared_length({"CONTENT_LENGTH": length}) for length in ("7", "abc", "", "-5")]
    [7, 0, 0, 0]
    """
    try:
        return max(0, int(meta.get("CONTENT_LENGTH") or 0))
    except ValueError:
        return 0


def require_at_most(limit: int, meta: Mapping[str, Any]) -> None:
    """Raises BodyTooLarge if the Content-Length is above the limit. Reads nothing."""
    if declared_length(meta) > limit:
        raise BodyTooLarge


def raw_body(request: HttpRequest) -> bytes:
    """Returns all bytes of the body.

    Raises BodyTooLarge, LengthRequired, and UnreadablePostError if the client disconnected before
    its end: the first part may be a valid order that the client did not intend.
    """
    if "HTTP_TRANSFER_ENCODING" in request.META:
        raise LengthRequired
    return _read(request, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


def short_body(request: HttpRequest) -> bytes:
    """Returns all bytes of a body of at most MAX_OPEN_BODY_BYTES, for an operation without
    credentials.

    Accepts a body in chunks, because such an operation changes no orders or stock. Raises
    BodyTooLarge and UnreadablePostError.
    """
    raw = _read(request, MAX_OPEN_BODY_BYTES)
    if not raw and "HTTP_TRANSFER_ENCODING" in request.META:
        raise UnreadablePostError("The body is in chunks, and there are none.")
    return raw


def _read(request: HttpRequest, most: int) -> bytes:
    require_at_most(most, request.META)
    if len(request.body) < declared_length(request.META):
        raise UnreadablePostError("The body ends before its Content-Length.")
    return request.body


def has_many_brackets(raw: bytes) -> bool:
    """Returns whether JSON has more than MAX_JSON_BRACKETS brackets, which may take fifty times its
    memory when it is decoded."""
    return raw.count(b"[") + raw.count(b"{") > MAX_JSON_BRACKETS


def decode_if_valid(raw: bytes, kind: type[Kind]) -> Kind | None:
    """Returns the bytes as a `kind`; None if they have a fault."""
    # Such characters are rare, and walking the whole value is slow. Most bodies have neither of the
    # bytes that begin one, which is found faster than by the expression.
    may_have_refused = (b"\\u" in raw or b"\xe2" in raw) and _REFUSED.search(raw)
    if may_have_refused or has_many_brackets(raw):
        return None
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


_REFUSED = re.compile(rb"\\u0000|\\u20(?:2[a-eA-E]|6[6-9])|\xe2(?:\x80[\xaa-\xae]|\x81[\xa6-\xa9])")
"""The characters of `text_fault`, in UTF-8 or as escapes. A NUL is always an escape."""


_ENCODER = msgspec.json.Encoder()


class Body:
    """The bytes of an answer, and their ETag. `coding`: in which they will be sent, if not as they
    are."""

    __slots__ = ("raw", "tag")

    def __init__(self, raw: bytes, version: int = 0, of: str = "", coding: str = "") -> None:
        self.raw = raw
        digest = hashlib.blake2b(raw, digest_size=12, person=coding.encode()).hexdigest()
        self.tag = f'"{version}-{of}{digest}"'


def encoded(payload: Any) -> bytes:
    """Returns the payload as JSON."""
    return _ENCODER.encode(payload)
