"""Problems as pages, for people with a browser."""

import msgspec
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers

from larder.http.negotiation import considered

API, ADMIN = "/api/", "/admin/"
PROBLEM, HTML = "application/problem+json", "text/html"


def for_reader(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """Returns a problem as HTML for a client that prefers it, otherwise unchanged. Below /api/ it
    is always unchanged. Needs no database."""
    if request.path.startswith(API):
        return answer
    patch_vary_headers(answer, ["Accept"])
    if prefers_page(request):
        answer.content = render_to_string("api/failed.html", msgspec.json.decode(answer.content))
        answer.headers["Content-Type"] = "text/html; charset=utf-8"
    return answer


def prefers_page(request: HttpRequest) -> bool:
    """Returns whether the client prefers HTML to JSON. A client that accepts any type counts as a
    program, but in the admin as a browser."""
    wanted = HttpRequest()
    wanted.META["HTTP_ACCEPT"] = considered(request.META.get("HTTP_ACCEPT", "*/*"))
    is_admin = request.path.startswith(ADMIN)
    offered = [HTML, PROBLEM] if is_admin else ["application/json", PROBLEM, HTML]
    return wanted.get_preferred_type(offered) == HTML
