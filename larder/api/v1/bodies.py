"""Reading the bodies of requests: their bytes within the limit, then all of their faults."""

from collections.abc import Callable
from itertools import chain, islice
from typing import Any, TypeVar

import msgspec
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.request import Request

from larder.api.raw_body import raw_body
from larder.api.v1.faults import faults, nul_faults
from larder.common.errors import Fault, InvalidInput

Body = TypeVar("Body", bound=msgspec.Struct)

MOST_FAULTS = 5_000
"""Faults that an answer names; what lies behind them shows once these are mended."""


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


def read_csv(request: Request) -> str:
    """The body of an operation that takes a file, as text. Bytes that are no UTF-8 are in it as
    lone surrogates, for whoever reads the rows to name.

    Raises BodyTooLarge, UnsupportedMediaType.
    """
    raw = _raw_body(request, lambda media_type: media_type == "text/csv")
    return raw.decode("utf-8-sig", "surrogateescape")


def _is_json(media_type: str) -> bool:
    return media_type == "application/json" or media_type.endswith("+json")


def _raw_body(request: Request, is_right: Callable[[str], bool] = _is_json) -> bytes:
    asked = request._request
    raw = raw_body(asked)
    media_type = (asked.META.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower()
    if raw and not is_right(media_type):
        raise UnsupportedMediaType(media_type)
    return raw
