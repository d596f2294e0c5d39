"""What a client accepts: JSON or another media type, and pages in place of problems."""

from django.http import HttpRequest

from larder.http.refusals import NotAcceptable

MAX_ACCEPT_LENGTH = 1_024
"""The part of an Accept header that is compared: 60,000 characters take up to 70 ms."""

API, ADMIN = "/api/", "/admin/"
JSON, PROBLEM, HTML = "application/json", "application/problem+json", "text/html"
ANY = "*/*"
"""In place of a media type: the Accept header is ignored."""


def require_acceptable(request: HttpRequest, kind: str) -> None:
    """Raises NotAcceptable for a client that accepts neither JSON nor this media type."""
    if kind != ANY and not any(map(_compared(request).accepts, (JSON, PROBLEM, kind))):
        raise NotAcceptable


def _compared(request: HttpRequest) -> HttpRequest:
    """Returns a request with the first MAX_ACCEPT_LENGTH characters of the Accept header."""
    compared = HttpRequest()
    compared.META["HTTP_ACCEPT"] = (request.META.get("HTTP_ACCEPT") or ANY)[:MAX_ACCEPT_LENGTH]
    return compared


def prefers_page(request: HttpRequest) -> bool:
    """Returns whether the client prefers HTML to JSON; below /api/ none does. A client that accepts
    any type counts as a program, but in the admin as a browser."""
    if request.path.startswith(API):
        return False
    is_admin = request.path.startswith(ADMIN)
    offered = [HTML, PROBLEM] if is_admin else [JSON, PROBLEM, HTML]
    return _compared(request).get_preferred_type(offered) == HTML
