"""The documents of v1: the OpenAPI document, and the meaning of each problem code."""

from functools import cache
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from larder.core.errors import NotFound
from larder.http.bodies import Body
from larder.http.compression import note_encoding, packed, takes_gzip
from larder.http.negotiation import ANY
from larder.v1.http import reply_body
from larder.v1.operations import operation

DOCS = Path(settings.SHARED_DIR) / "docs"


@operation(answers={200: "application/json"}, token=False)
def show_document(request: HttpRequest) -> HttpResponse:
    """Returns the OpenAPI document, which `make openapi` writes."""
    is_packed = takes_gzip(request)
    response = reply_body(request, _bodies()[is_packed])
    note_encoding(response, is_packed=is_packed)
    return response


@cache
def _bodies() -> tuple[Body, Body]:
    """Returns the OpenAPI document, uncompressed and compressed."""
    raw = (DOCS / "openapi/v1.json").read_bytes()
    return Body(raw), Body(packed(raw))


@operation(answers={200: ANY}, token=False)
def show_problems(request: HttpRequest) -> HttpResponse:
    """Returns the page of all codes."""
    return _text(problems_page())


@operation(answers={200: ANY}, token=False)
def show_problem(request: HttpRequest, code: str) -> HttpResponse:
    """Returns the entry of a code, at the URL of a problem's `type`."""
    _, heading, after = problems_page().partition(f"### `{code}`\n")
    if not heading:
        raise NotFound
    return _text(f"# {code}\n{after}".partition("\n##")[0])


def _text(text: str) -> HttpResponse:
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


@operation(answers={200: "text/html"}, token=False)
def show_page(request: HttpRequest) -> HttpResponse:
    """Returns the document for people, who can try each operation."""
    return HttpResponse(render_to_string("api/docs.html", {"demo": settings.DEMO}))


@cache
def problems_page() -> str:
    """docs/reference/problems.md."""
    return (DOCS / "reference/problems.md").read_text(encoding="utf-8")
