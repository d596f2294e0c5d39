"""What the API can answer with: JSON."""

import re

from django.http import HttpRequest

from larder.core.limits import MAX_ACCEPT_LENGTH
from larder.http.refusals import NotAcceptable

_ACCEPTED = ("*/*", "application/*", "application/json", "application/problem+json")


ANY = "*/*"
"""In the place of a media type: the client gets the answer, whatever it accepts."""


def require_acceptable(request: HttpRequest, kind: str) -> None:
    """Raises NotAcceptable for a client that accepts neither JSON nor this media type."""
    accepted = request.META.get("HTTP_ACCEPT") or ANY
    if accepted in _USUAL or kind == ANY:
        return
    accepted = considered(accepted)
    if not (takes_json(accepted) or takes(accepted, kind)):
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
