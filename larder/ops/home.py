"""The start page `/`: links to everything, as a page, or as JSON for clients that prefer it."""

from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from larder.compat.documents import TITLES
from larder.http.error_pages import for_reader, prefers_page
from larder.http.problems import problem
from larder.ops.demo.shop import USERS

PLACES = {
    "docs": "/api/v1/docs",
    "openapi": "/api/v1/openapi.json",
    "problems": "/api/v1/problems",
    "admin": "/admin/",
    "live": "/livez",
    "ready": "/readyz",
    "metrics": "/metrics",
}
VARY = {"Vary": "Accept"}


def home(request: HttpRequest) -> HttpResponse:
    """Returns the start page. Needs no log-in and no query."""
    refused = refused_method(request)
    if refused is not None:
        return refused
    # Contract 4 promises a page to clients that accept anything, so JSON must be named.
    if prefers_page(request) or "json" not in request.headers.get("Accept", ""):
        return HttpResponse(render_to_string("ops/home.html", _shown()), headers=VARY)
    content = msgspec.json.encode(_said())
    return HttpResponse(content, content_type="application/json", headers=VARY)


def refused_method(request: HttpRequest) -> HttpResponse | None:
    """Returns the refusal of a request that is not to read; None for GET and HEAD."""
    if request.method in {"GET", "HEAD"}:
        return None
    refused = problem(
        request,
        "method_not_allowed",
        detail="This path takes GET, HEAD.",
        headers={"Allow": "GET, HEAD"},
    )
    return for_reader(request, refused)


def _earlier() -> list[tuple[str, str, str]]:
    """Returns number, title and document of each enabled earlier contract."""
    names = sorted(settings.COMPAT & TITLES.keys())
    return [(name, TITLES[name], f"/api/compat/contract{name}/openapi.json") for name in names]


def _log_ins() -> list[dict[str, str]]:
    """Returns the log-ins of the demo; none outside of demo mode."""
    if not settings.DEMO:
        return []
    return [
        {
            "username": name,
            "password": user.password,
            "role": "superuser" if user.superuser else "customer",
        }
        for name, user in USERS.items()
    ]


def _shown() -> dict[str, Any]:
    """Returns the context of the page."""
    return {"places": PLACES, "earlier": _earlier(), "log_ins": _log_ins()}


def _said() -> dict[str, Any]:
    """Returns the JSON for programs: paths on this server."""
    earlier = {f"contract{name}": document for name, _, document in _earlier()}
    said: dict[str, Any] = {"name": "Larder", "places": PLACES, "earlier_contracts": earlier}
    log_ins = _log_ins()
    return said | {"demo_log_ins": log_ins, "demo_app": "/demo/"} if log_ins else said
