"""The documents of v1: the OpenAPI document, and the meaning of each problem code."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse

from larder.core.errors import NotFound
from larder.http.compression import note_encoding, packed, takes_gzip
from larder.http.documents import generated_once
from larder.http.negotiation import ANY
from larder.v1 import openapi
from larder.v1.http import Body, reply_body
from larder.v1.operations import operation


@operation(answers={200: "application/json"}, token=False)
def show_document(request: HttpRequest) -> HttpResponse:
    """Returns the OpenAPI document, which each process makes and compresses once."""
    is_packed = takes_gzip(request)
    response = reply_body(request, _bodies()[is_packed])
    note_encoding(response, is_packed=is_packed)
    return response


@generated_once
def _bodies() -> tuple[Body, Body]:
    """Returns the OpenAPI document, uncompressed and compressed."""
    raw = msgspec.json.encode(schema())
    return Body(raw), Body(packed(raw))


def schema() -> dict[str, Any]:
    """Returns the OpenAPI document of v1, without the earlier contracts that may be enabled."""
    from larder.v1.urls import urlpatterns

    return openapi.document(urlpatterns)


@operation(answers={200: ANY}, token=False)
def show_problems(request: HttpRequest) -> HttpResponse:
    """Returns the page of all codes."""
    return _text(problems_page())


@operation(answers={200: ANY}, token=False)
def show_problem(request: HttpRequest, code: str) -> HttpResponse:
    """Returns the entry of a code, at the URL of a problem's `type`."""
    entry = explanations().get(code)
    if entry is None:
        raise NotFound
    return _text(entry)


def _text(text: str) -> HttpResponse:
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


@operation(answers={200: "text/html"}, token=False)
def show_page(request: HttpRequest) -> HttpResponse:
    """Returns the document for people: Swagger UI; with `?script` the script that starts it."""
    context = {"document": reverse("openapi"), "script": f"{request.path}?script="}
    if "script" not in request.GET:
        return HttpResponse(render_to_string("api/swagger.html", context))
    text = render_to_string("api/swagger.js", context)
    return HttpResponse(text, content_type="application/javascript")


@cache
def problems_page() -> str:
    """docs/reference/problems.md."""
    return (Path(settings.BASE_DIR) / "docs/reference/problems.md").read_text(encoding="utf-8")


@cache
def explanations() -> dict[str, str]:
    """Returns the entries of docs/reference/problems.md, by code."""
    parts = re.split(r"^### `(\w+)`$", problems_page(), flags=re.MULTILINE)
    texts = (part.partition("\n## ")[0].strip() for part in parts[2::2])
    return {code: f"# {code}\n\n{text}\n" for code, text in zip(parts[1::2], texts, strict=True)}
