"""Generates the OpenAPI document of each earlier contract from its views."""

from importlib import import_module
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpResponse
from django.urls import URLPattern, path
from drf_spectacular.generators import SchemaGenerator
from rest_framework.request import Request

from larder.compat.views import OpenView
from larder.http.compression import note_encoding, packed, takes_gzip
from larder.http.generating import generated_once
from larder.http.raw_body import raw_body

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


@generated_once
def document(contract: str) -> dict[str, Any]:
    """Returns the document of one contract, as if all contracts were enabled."""
    import_module("larder.compat.schema")
    patterns = import_module(f"larder.compat.contract{contract}").urlpatterns
    generator: Any = SchemaGenerator
    schema: dict[str, Any] = generator(patterns=patterns).get_schema(request=None, public=True)
    schema["info"] |= {
        "title": f"Larder, contract {contract}: {TITLES[contract]}",
        "description": "One of the earlier contracts that Larder answers at their own paths; "
        "docs/integrate/migrating.md lists the operations of v1 that replace it.",
    }
    return schema


@generated_once
def _contents(contract: str) -> tuple[bytes, bytes]:
    """The document as JSON, as it is and compressed."""
    raw = msgspec.json.encode(document(contract))
    return raw, packed(raw)


def document_paths(contract: str) -> list[URLPattern]:
    """Returns the path that serves the document of a contract."""

    class Document(OpenView):
        # It is not one of the paths with short bodies (body_limits.LEFT_UNREAD).
        read_body = staticmethod(raw_body)

        def get(self, request: Request) -> HttpResponse:
            is_packed = takes_gzip(request._request)
            raw = _contents(contract)[is_packed]
            response = HttpResponse(raw, content_type="application/json")
            note_encoding(response, is_packed=is_packed)
            return response

    return [path(f"api/compat/contract{contract}/openapi.json", Document.as_view())]
