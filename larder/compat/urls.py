"""The paths of the earlier contracts that COMPAT enables, and their OpenAPI documents."""

import re
from importlib import import_module
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import Resolver404, URLPattern, path, re_path, resolve
from django.utils.encoding import escape_uri_path
from django.views.decorators.csrf import csrf_exempt
from rest_framework.request import Request

from larder.compat.views import OpenView
from larder.http import handlers

DOCUMENTS = Path(settings.SHARED_DIR) / "docs" / "openapi"
"""The contracts do not grow, so their documents are files."""

TITLES = {
    "0": "A token by username and password",
    "1": "Products, and orders with client-chosen ids",
    "2": "Identity, catalog, orders",
    "3": "Users by name, products, orders by lines",
    "4": "The open order",
}


def enabled() -> list[tuple[str, str, str]]:
    """Returns number, title and path of the document of each enabled contract."""
    names = sorted(settings.COMPAT & TITLES.keys())
    return [(name, TITLES[name], f"/api/compat/contract{name}/openapi.json") for name in names]


class DocumentView(OpenView):
    def get(self, request: Request, contract: str) -> HttpResponse:
        document = (DOCUMENTS / f"contract{contract}.json").read_bytes()
        return HttpResponse(document, content_type="application/json")


def patterns(chosen: frozenset[str]) -> list[URLPattern]:
    """Returns the paths of these contracts. If two have the same path, the lower answers."""
    paths: list[URLPattern] = []
    for name in sorted(chosen & TITLES.keys()):
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
