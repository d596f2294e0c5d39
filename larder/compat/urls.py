"""Where the earlier contracts are: those that COMPAT names, and nothing of the others."""

import re
from importlib import import_module

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import Resolver404, URLPattern, re_path, resolve
from django.utils.encoding import escape_uri_path
from django.views.decorators.csrf import csrf_exempt

from larder.compat.documents import TITLES, document_paths
from larder.http import problems

CONTRACTS = frozenset(TITLES)


def patterns(chosen: frozenset[str]) -> list[URLPattern]:
    """The paths of the chosen contracts. Where two have one path the lower number answers."""
    found: list[URLPattern] = []
    for name in sorted(chosen & CONTRACTS):
        found += import_module(f"larder.compat.contract{name}").urlpatterns
        found += document_paths(name)
    return [*found, re_path(r"^(?P<path>.+[^/])$", with_slash)] if found else []


@csrf_exempt
def with_slash(request: HttpRequest, path: str) -> HttpResponse:
    """On to the same path with a slash at its end, where there is one.

    What is not GET or HEAD goes on with its method and body (RFC 9110, section 15.4.9).
    """
    target = f"/{path}/"
    try:
        resolve(target)
    except Resolver404 as error:
        raise Http404 from error
    location, query = escape_uri_path(target), request.META.get("QUERY_STRING")
    status = 301 if request.method in {"GET", "HEAD"} else 308
    return HttpResponse(
        status=status, headers={"Location": f"{location}?{query}" if query else location}
    )


_BELOW_THEIR_PATHS = re.compile("/(api/(?!v1(/|$))|auth/|token/|products/|orders/)")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404: what has no path (an id that is no number) is no object here."""
    if settings.COMPAT and _BELOW_THEIR_PATHS.match(request.path):
        return JsonResponse({"detail": "Not found."}, status=404)
    return problems.not_found(request, exception)
