"""Reading the bodies of requests: their bytes within the limit, then all of their faults."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any, TypeVar

import msgspec
from django.conf import settings
from django.http import HttpRequest
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.request import Request

from larder.api.v1.faults import faults, nul_faults
from larder.common.errors import DomainError, Fault, InvalidInput

Body = TypeVar("Body", bound=msgspec.Struct)

MOST_FAULTS = 5_000
"""Faults that an answer names; what lies behind them shows once these are mended."""

READ_AWAY = 16 * 1024 * 1024
"""Bytes of a body over the limit that are still taken and thrown away: a client that is sending
does not look for an answer, and would see a broken connection instead of the 413."""


class BodyTooLarge(DomainError):
    """More bytes than DATA_UPLOAD_MAX_MEMORY_SIZE."""

    code = "body_too_large"


def read_body(request: Request, kind: type[Body]) -> Body:
    """The body as a `kind`; an empty one counts as `{}`. Of equal names the last counts.

    Raises BodyTooLarge, UnsupportedMediaType, ParseError (no JSON), InvalidInput (all faults).
    """
    raw = _raw_body(request) or b"{}"
    # \u0000 cannot be seen in the raw bytes otherwise; it is rare, the walk is not cheap.
    if _NUL not in raw:
        try:
            return msgspec.json.decode(raw, type=kind)
        except msgspec.ValidationError:
            pass
        except _NO_JSON as error:
            raise ParseError from error
    return _explain(raw, kind)


_NUL = b"\\u0000"
_NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def _explain(raw: bytes, kind: type[Body]) -> Body:
    value = _parsed(raw)
    nuls = nul_faults(value) if _NUL in raw else ()
    found = list(islice(chain(nuls, faults(value, kind)), MOST_FAULTS))
    if found:
        raise InvalidInput(found)
    return msgspec.convert(value, kind)


def _parsed(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except msgspec.ValidationError as error:
        detail = "A number in the body is too large for any field."
        raise InvalidInput([Fault("", "out_of_range", detail)]) from error
    except _NO_JSON as error:
        raise ParseError from error


def _raw_body(request: Request) -> bytes:
    asked: HttpRequest = request._request
    raw = _chunked(asked) if _is_chunked(asked) else _measured(asked)
    media_type = (asked.META.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower()
    if raw and media_type != "application/json" and not media_type.endswith("+json"):
        raise UnsupportedMediaType(media_type)
    return raw


def _is_chunked(asked: HttpRequest) -> bool:
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
    return asked.body


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
