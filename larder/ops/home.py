"""The page at `/`, for people who type the address by hand."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from larder.compat.documents import TITLES
from larder.http.problems import problem


def home(request: HttpRequest) -> HttpResponse:
    """Says that the service runs, and where to go from here. Open; asks the database nothing."""
    if request.method not in {"GET", "HEAD"}:
        return problem(
            request,
            "method_not_allowed",
            detail="This path takes GET, HEAD.",
            headers={"Allow": "GET, HEAD"},
        )
    earlier = [(name, TITLES[name]) for name in sorted(settings.COMPAT & TITLES.keys())]
    return HttpResponse(render_to_string("ops/home.html", {"earlier": earlier}))
