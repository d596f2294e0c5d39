"""What the API can answer with: JSON."""

import re
from collections.abc import Iterable
from typing import Any

from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request

from larder.common.limits import MAX_ACCEPT_LENGTH

_ACCEPTED = ("*/*", "application/*", "application/json", "application/problem+json")


class JSONOnly(BaseContentNegotiation):
    """Refuses a client that takes no JSON; nothing else is to be negotiated."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        return next(iter(parsers), None)

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[Any],
        format_suffix: str | None = None,
    ) -> tuple[Any, str]:
        renderer = next(iter(renderers))
        accepted = considered(request.META.get("HTTP_ACCEPT") or "*/*")
        if accepted in _USUAL or takes_json(accepted) or takes(accepted, renderer.media_type):
            return renderer, renderer.media_type
        raise NotAcceptable


_USUAL = frozenset({"*/*", "application/json"})
"""What nearly every client sends, told without taking it apart."""


def considered(accepted: str) -> str:
    """Returns the part of an Accept header that is compared; the rest is ignored."""
    return accepted[:MAX_ACCEPT_LENGTH]


def takes_json(accepted: str) -> bool:
    """Whether an Accept header lets JSON through.

    >>> takes_json("text/html, application/json;q=0.5"), takes_json("application/json;q=0")
    (True, False)
    """
    return any(takes(accepted, kind) for kind in _ACCEPTED)


def takes(accepted: str, kind: str) -> bool:
    """Whether an Accept header names this media type with a quality above nought."""
    for part in accepted.lower().split(","):
        name, *parameters = part.replace(" ", "").split(";")
        if name == kind and not any(_NEVER.fullmatch(one) for one in parameters):
            return True
    return False


_NEVER = re.compile(r"q=0(\.0*)?")
