"""Correlation ids: one for each request, in its answer and in every line of the log.

Other spellings of a UUID (in braces, with dashes, in capitals) are not taken from clients: a search
of the log for one spelling would miss the others.
"""

import re
from collections.abc import Callable, MutableMapping
from os import urandom
from typing import Any

from django.http import HttpRequest, HttpResponse

from larder.core.ids import CORRELATION_ID

HEADER = "Correlation-ID"
ID = "HTTP_CORRELATION_ID"
"""The key of the environ for the id."""
_FORM = re.compile(r"[0-9a-f]{32}")
"""32 lower-case hexadecimal digits, as Larder makes them."""


def correlation_id(header: str | None) -> str:
    """Returns the client's id if it is valid, otherwise a new one."""
    return header if header and _FORM.fullmatch(header) else urandom(16).hex()


def identify(environ: MutableMapping[str, Any]) -> str:
    """Sets the id of the request, in the environ and for the log, and returns it."""
    environ[ID] = correlation_id(environ.get(ID))
    CORRELATION_ID.set(environ[ID])
    return str(environ[ID])


def correlate(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Middleware that uses the client's id of the request, or makes one. Scripts of browsers may
    read it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        of_request = identify(request.META)
        response = get_response(request)
        response.headers[HEADER] = of_request
        response.headers.setdefault("Access-Control-Expose-Headers", HEADER)
        return response

    return middleware
