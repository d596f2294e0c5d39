"""Pages and files beside the APIs and the admin: the start page, and pictures."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import path

from larder.catalog.services.stored_pictures import NAME, storage
from larder.core.pictures import CACHE_CONTROL, CONTENT_TYPE
from larder.http.problems import problem


def read_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Wraps a view that takes GET and HEAD: refuses other methods."""

    @wraps(view)
    def read(request: HttpRequest, *path: Any, **named: Any) -> HttpResponse:
        if request.method in {"GET", "HEAD"}:
            return view(request, *path, **named)
        detail, headers = "This path takes GET, HEAD.", {"Allow": "GET, HEAD"}
        return problem(request, "method_not_allowed", detail=detail, headers=headers)

    return read


@read_only
def home(
    request: HttpRequest, contracts: Callable[[], object], log_ins: Callable[[], object]
) -> HttpResponse:
    """Returns the start page, with the earlier contracts that are on and the log-ins of the demo.
    Needs no log-in and no query."""
    shown = {"earlier": contracts(), "log_ins": log_ins()}
    return HttpResponse(render_to_string("api/home.html", shown))


@read_only
def picture(request: HttpRequest, name: str) -> HttpResponse:
    """Returns a picture or a thumbnail. Raises Http404."""
    if not NAME.fullmatch(name):
        raise Http404
    try:
        with storage().open(name) as file:
            content = file.read()
    except FileNotFoundError:
        raise Http404 from None
    headers = {"Cache-Control": CACHE_CONTROL}
    return HttpResponse(content, content_type=CONTENT_TYPE, headers=headers)


# Pictures are served where they are stored in a folder: clients fetch those in a bucket from there.
pictures = (
    [path("pictures/<str:name>", picture)]
    if settings.PICTURES_DIR and not settings.PICTURES_BUCKET
    else []
)
