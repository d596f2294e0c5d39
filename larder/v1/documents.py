"""The documents of v1: the OpenAPI document, and the meaning of each problem code."""

from functools import cache
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from msgspec import Raw

from larder.core.errors import NotFound
from larder.http.negotiation import ANY
from larder.v1.operations import CACHED, operation

DOCS = Path(settings.SHARED_DIR) / "docs"


@operation(answers={200: "application/json"}, traits=[CACHED], token=False)
def show_document() -> Raw:
    """Returns the OpenAPI document, which `make openapi` writes."""
    return _document()


@cache
def _document() -> Raw:
    return Raw((DOCS / "openapi/v1.json").read_bytes())


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
