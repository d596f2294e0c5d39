"""If-Match and If-None-Match (RFC 9110, section 13), and the details of their refusals."""

import re
from typing import NamedTuple

from django.http import HttpRequest

from larder.core.errors import Fault, InvalidInput

_ETAG = re.compile(r'(?:W/)?"(\d{1,9})-([0-9a-f]*)"')
ANY = "*"


class Tag(NamedTuple):
    """An ETag of this API: a version, and hexadecimal digits."""

    version: int
    digits: str


OF_NOTHING = Tag(-1, "")
"""The result for a text that is not an ETag of this API: it matches no version."""


def tag(text: str) -> Tag:
    """Parses an ETag of this API.

    >>> tag('"3-c0ffee"').version, tag('W/"3-c0ffee"').digits, tag("3") == OF_NOTHING
    (3, 'c0ffee', True)
    """
    parts = _ETAG.fullmatch(text.strip())
    return Tag(int(parts[1]), parts[2]) if parts else OF_NOTHING


def tag_wanted(request: HttpRequest) -> Tag | None:
    """Returns the ETag in `If-Match`; None without the header or for `*`."""
    header: str = request.META.get("HTTP_IF_MATCH", ANY).strip()
    return None if header == ANY else tag(header)


def wants_none(request: HttpRequest) -> bool:
    """Returns whether `If-None-Match: *` allows the write only if the object does not exist.

    Raises InvalidInput for another value: writes do not support lists of ETags, and to ignore the
    header would overwrite an object that the client wants to keep.
    """
    header: str = request.META.get("HTTP_IF_NONE_MATCH", "").strip()
    if header not in {"", ANY}:
        detail = "Only * is supported: create the object if it does not exist."
        raise InvalidInput([Fault("If-None-Match", "invalid_format", detail)])
    return header == ANY


def unmet(request: HttpRequest) -> str:
    """Returns the detail for a precondition that failed; empty where the title is enough."""
    header = request.META.get("HTTP_IF_MATCH")
    if header is None and "HTTP_IF_NONE_MATCH" in request.META:
        return "The object already exists; If-None-Match: * requires that it does not."
    if header is not None and header.strip() != ANY and tag(header) == OF_NOTHING:
        detail = (
            "If-Match is not an ETag of this API. Send the ETag header of the response unchanged"
        )
        return f'{detail}, with its quotes, such as "3-5ddf7e0cb4d2f6c1a0b59e87".'
    return ""
