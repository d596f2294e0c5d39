"""The documents of v1: the OpenAPI document, and the meaning of each problem code."""

import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

from larder.core.errors import NotFound
from larder.http.compression import note_encoding, packed, takes_gzip
from larder.http.generating import generated_once
from larder.http.negotiation import ANY, considered, require_acceptable
from larder.http.problems import from_domain
from larder.http.refusals import HttpRefusal, MethodNotAllowed
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
    raw = bytes(document())
    return Body(raw), Body(packed(raw))


@generated_once
def document() -> msgspec.Raw:
    """Returns the OpenAPI document as JSON, in the order in which `manage.py openapi` writes it."""
    return msgspec.Raw(msgspec.json.encode(schema()))


@generated_once
def schema() -> dict[str, Any]:
    """Returns the OpenAPI document of v1, without the earlier contracts that may be enabled."""
    from larder.v1.urls import urlpatterns

    return openapi.document(urlpatterns)


@operation(answers={200: ANY}, token=False)
def show_problems(request: HttpRequest) -> HttpResponse:
    """Returns the page of all codes."""
    return _page(request, problems_page(), title="Problems")


@operation(answers={200: ANY}, token=False)
def show_problem(request: HttpRequest, code: str) -> HttpResponse:
    """Returns the entry of a code, at the URL of a problem's `type`. The Accept header only chooses
    HTML or Markdown; it excludes neither."""
    entry = explanations().get(code)
    if entry is None:
        raise NotFound
    return _page(request, entry, title=code, all_problems="../problems")


def show_page(request: HttpRequest) -> HttpResponse:
    """Returns the document for people: Swagger UI; with `?script` the script that starts it."""
    try:
        require_acceptable(request, "text/html")
        if request.method not in {"GET", "HEAD"}:
            raise MethodNotAllowed(f'Method "{request.method}" not allowed.')
    except HttpRefusal as error:
        response = from_domain(request, error)
    else:
        response = _swagger(request)
    response.headers["Allow"] = "GET, HEAD"
    return response


def _swagger(request: HttpRequest) -> HttpResponse:
    context = {"document": reverse("openapi"), "script": f"{request.path}?script="}
    if "script" not in request.GET:
        return HttpResponse(render_to_string("api/swagger.html", context))
    text = render_to_string("api/swagger.js", context)
    return HttpResponse(text, content_type="application/javascript")


def _page(request: HttpRequest, text: str, *, title: str, all_problems: str = "") -> HttpResponse:
    """Returns a page as HTML for clients that prefer it, such as browsers; otherwise as
    Markdown."""
    headers = {"Vary": "Accept"}
    if _prefers_markdown(request.META.get("HTTP_ACCEPT", "*/*")):
        return HttpResponse(text, content_type="text/markdown; charset=utf-8", headers=headers)
    context = {"title": title, "text": html(text), "all": all_problems}
    headers["Content-Security-Policy"] = "default-src 'none'; style-src 'self'; img-src data:"
    return HttpResponse(render_to_string("api/explanation.html", context), headers=headers)


def _prefers_markdown(accepted: str) -> bool:
    """Returns whether an Accept header prefers Markdown to HTML, or names neither.

    >>> _prefers_markdown("*/*"), _prefers_markdown("text/html, */*;q=0.1")
    (True, False)
    """
    request = HttpRequest()
    request.META["HTTP_ACCEPT"] = considered(accepted)
    return request.get_preferred_type(["text/markdown", "text/html"]) != "text/html"


@cache
def html(text: str) -> SafeString:
    """Return a text in Markdown as HTML, with GitHub's anchors at the headings.

    HTML in the text is escaped. A link that would run a script stays text. Columns are not aligned,
    because that needs style attributes, which the page's Content-Security-Policy forbids.
    """
    # Not shared: threads that use a new parser at the same time can miss its rules.
    markdown = MarkdownIt("js-default", {"html": False})
    tokens = markdown.parse(text)
    for token, content in pairwise(tokens):
        token.attrs.pop("style", None)
        if token.type == "heading_open":
            kept = re.sub(r"[^\w\- ]", "", content.content.lower())
            token.attrSet("id", kept.replace(" ", "-"))
    made: str = markdown.renderer.render(tokens, markdown.options, {})
    return mark_safe(made)  # noqa: S308  # nosec B308, B703


@cache
def problems_page() -> str:
    """docs/reference/problems.md."""
    return (Path(settings.BASE_DIR) / "docs/reference/problems.md").read_text(encoding="utf-8")


@cache
def explanations() -> dict[str, str]:
    """Returns the entries of docs/reference/problems.md, by code. Their links lead to the page of
    all codes."""
    parts = re.split(r"^### `(\w+)`$", problems_page(), flags=re.MULTILINE)
    texts = (part.partition("\n## ")[0].strip() for part in parts[2::2])
    return {
        code: f"# {code}\n\n{text}\n".replace("](#", "](../problems#")
        for code, text in zip(parts[1::2], texts, strict=True)
    }
