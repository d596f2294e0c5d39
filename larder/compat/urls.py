"""The paths of the earlier contracts that COMPAT enables."""

import re
from importlib import import_module

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import Resolver404, URLPattern, path, re_path, resolve
from django.utils.encoding import escape_uri_path
from django.views.decorators.csrf import csrf_exempt

from larder.compat.documents import TITLES, DocumentView
from larder.http import handlers

CONTRACTS = frozenset(TITLES)


def patterns(chosen: frozenset[str]) -> list[URLPattern]:
    """Returns the paths of these contracts. If two have the same path, the lower answers."""
    paths: list[URLPattern] = []
    for name in sorted(chosen & CONTRACTS):
        paths += import_module(f"larder.compat.contract{name}").urlpatterns
        document = f"api/compat/contract{name}/openapi.json"
        paths.append(path(document, DocumentView.as_view(), {"contract": name}))
    return [*paths, re_path(r"^(?P<path>.+[^/])$", with_slash)] if paths else []


@csrf_exempt
def with_slash(request: HttpRequest, path: str) -> HttpResponse:
    """Redirects to the same path with a slash at its end, if that exists.

    Other methods than GET and HEAD keep their method and body (RFC 9110, section 15.4.9).
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
    """Django's handler404: a path that does not exist, or an id that is not a number."""
    if settings.COMPAT and _BELOW_THEIR_PATHS.match(request.path):
        return JsonResponse({"detail": "Not found."}, status=404)
    return handlers.not_found(request, exception)
