"""Reads the bodies of requests and finds all their faults."""

import re
from itertools import chain, islice
from typing import Any, NewType, TypeVar

import msgspec
from django.http import HttpRequest

from larder.core.errors import Fault, InvalidInput
from larder.core.limits import MAX_FAULTS
from larder.http.bodies import NestedTooDeeply, has_many_brackets
from larder.http.refusals import MalformedJson, UnsupportedMediaType
from larder.v1.faults import character_faults, each_fault

Body = TypeVar("Body", bound=msgspec.Struct)

JSON = "application/json"
CSV_TYPES = ("text/csv", "application/octet-stream")
"""Of a file. Typed clients know the second one, and leave out operations that have only others."""
Csv = NewType("Csv", bytes)
"""The body of an operation that takes a file, as it was sent."""

Signed = NewType("Signed", bytes)
"""The body of an operation that checks its signature, byte for byte as it was sent."""


def read_body(request: HttpRequest, kind: type[Body], most: int = MAX_FAULTS) -> Body:
    """Returns the body as a `kind`. An empty body counts as `{}`. If a name is repeated, the last
    value counts.

    Raises UnsupportedMediaType, MalformedJson (no JSON), InvalidInput (all faults, up to `most`).
    """
    return decode_or_explain(_raw_body(request) or b"{}", kind, most)


def decode_or_explain(raw: bytes, kind: type[Body], most: int = MAX_FAULTS) -> Body:
    """Returns the bytes as a `kind`. Raises MalformedJson, InvalidInput (all faults, up to
    `most`)."""
    body = decode_if_valid(raw, kind)
    return _explain(raw, kind, most) if body is None else body


def decode_if_valid(raw: bytes, kind: type[Body], *, any_text: bool = False) -> Body | None:
    """Returns the bytes as a `kind`; None if they have a fault."""
    # Such characters are rare, and walking the whole value is slow.
    if (not any_text and _may_have_refused(raw)) or has_many_brackets(raw):
        return None
    try:
        return msgspec.json.decode(raw, type=kind)
    except (*_NO_JSON, RecursionError):
        return None


_REFUSED = re.compile(rb"\\u0000|\\u20(?:2[a-eA-E]|6[6-9])|\xe2(?:\x80[\xaa-\xae]|\x81[\xa6-\xa9])")
"""The characters of `text_fault`, in UTF-8 or as escapes. A NUL is always an escape."""


def _may_have_refused(raw: bytes) -> bool:
    """Returns whether a text may have a character that none may have. Most bodies have neither of
    the bytes that begin one, which is found faster than by the expression."""
    return (b"\\u" in raw or b"\xe2" in raw) and _REFUSED.search(raw) is not None


_NO_JSON = (msgspec.DecodeError, UnicodeDecodeError)


def _explain(raw: bytes, kind: type[Body], most: int) -> Body:
    """Raises MalformedJson or InvalidInput with the faults of a body."""
    try:
        value = _parsed(raw)
    except RecursionError:
        raise NestedTooDeeply from None
    refused = character_faults(value) if _may_have_refused(raw) else ()
    faults = list(islice(chain(refused, each_fault(value, kind)), most))
    if faults:
        raise InvalidInput(faults)
    return msgspec.convert(value, kind)


def _parsed(raw: bytes) -> Any:
    if has_many_brackets(raw):
        raise NestedTooDeeply
    try:
        return msgspec.json.decode(raw)
    except msgspec.ValidationError as error:
        detail = "A number in the body is too large for any field."
        raise InvalidInput([Fault("", "out_of_range", detail)]) from error
    except _NO_JSON as error:
        raise MalformedJson(f"{error}.") from error


def read_csv(request: HttpRequest) -> Csv:
    """Returns the bytes of the body. Raises UnsupportedMediaType."""
    return Csv(_raw_body(request, *CSV_TYPES))


def read_signed(request: HttpRequest) -> Signed:
    """Returns the bytes of the body. Raises UnsupportedMediaType."""
    return Signed(_raw_body(request))


def _raw_body(request: HttpRequest, kind: str = JSON, *also: str) -> bytes:
    raw = request.body  # Resource has read it completely, within the limit
    media_type = (request.META.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower()
    is_json = media_type.endswith("+json") and kind == JSON
    if raw and media_type not in {kind, *also} and not is_json:
        raise UnsupportedMediaType(f"Send Content-Type: {kind}.")
    return raw
