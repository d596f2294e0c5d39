"""Content negotiation: the API answers with JSON, some operations with another media type."""

import re

from django.http import HttpRequest

from larder.core.limits import MAX_ACCEPT_LENGTH
from larder.http.refusals import NotAcceptable

_ACCEPTED = ("*/*", "application/*", "application/json", "application/problem+json")


ANY = "*/*"
"""In place of a media type: the Accept header is ignored."""


def require_acceptable(request: HttpRequest, kind: str) -> None:
    """Raises NotAcceptable for a client that accepts neither JSON nor this media type."""
    accepted = request.META.get("HTTP_ACCEPT") or ANY
    if accepted in _USUAL or kind == ANY:
        return
    accepted = considered(accepted)
    if not (takes_json(accepted) or takes(accepted, kind)):
        raise NotAcceptable


_USUAL = frozenset({"*/*", "application/json"})
"""Headers that nearly all clients send. They are accepted without parsing."""


def considered(accepted: str) -> str:
    """Returns the part of an Accept header that is compared; the rest is ignored."""
    return accepted[:MAX_ACCEPT_LENGTH]


def takes_json(accepted: str) -> bool:
    """Returns whether an Accept header accepts JSON.

    >>> takes_json("text/html, application/json;q=0.5"), takes_json("application/json;q=0")
    (True, False)
    """
    return any(takes(accepted, kind) for kind in _ACCEPTED)


def takes(accepted: str, kind: str) -> bool:
    """Returns whether an Accept header names this media type with a quality above zero."""
    for part in accepted.lower().split(","):
        name, *parameters = part.replace(" ", "").split(";")
        if name == kind and not any(_NEVER.fullmatch(one) for one in parameters):
            return True
    return False


_NEVER = re.compile(r"q=0(\.0*)?")
