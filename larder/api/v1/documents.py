"""What v1 says about itself: the OpenAPI document, and what each problem code means."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpResponse
from django.urls import include, path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from larder.api.v1.http import Open, reply_tagged
from larder.common.errors import NotFound


class OpenApi(Open):
    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """The document, made once in each process: making it takes half a second."""
        return reply_tagged(request, document())


@cache
def document() -> msgspec.Raw:
    """The OpenAPI document as JSON, in the order `manage.py openapi` writes it."""
    return msgspec.Raw(msgspec.json.encode(schema()))


@cache
def schema() -> dict[str, Any]:
    """The OpenAPI document of v1, without the earlier contracts that may be on beside it."""
    from larder.api.v1.urls import urlpatterns

    generator: Any = SchemaGenerator
    made = generator(patterns=[path("api/v1/", include(urlpatterns))])
    return made.get_schema(request=None, public=True)  # type: ignore[no-any-return]


class Explanation(Open):
    @extend_schema(exclude=True)
    def get(self, request: Request, code: str) -> HttpResponse:
        """Where a problem's `type` leads: the entry for its code, in Markdown."""
        entry = explanations().get(code)
        if entry is None:
            raise NotFound
        return HttpResponse(entry, content_type="text/markdown; charset=utf-8")


@cache
def explanations() -> dict[str, str]:
    """The entries of docs/problems.md, by code."""
    page = Path(settings.BASE_DIR) / "docs" / "problems.md"
    parts = re.split(r"^### `(\w+)`$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    texts = (part.partition("\n## ")[0].strip() for part in parts[2::2])
    return {code: f"# {code}\n\n{text}\n" for code, text in zip(parts[1::2], texts, strict=True)}
