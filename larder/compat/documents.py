"""Generates the OpenAPI document of each earlier contract from its views.

drf-spectacular reads serializers and pages from the views, and knows the access tokens. Other
credentials and refusals are in the contracts' texts, not here.
"""

from importlib import import_module
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpResponse
from django.urls import URLPattern, path
from drf_spectacular.generators import SchemaGenerator
from rest_framework.request import Request

from larder.compat.views import OpenView
from larder.http.documents import generated_once

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
    patterns = import_module(f"larder.compat.contract{contract}").urlpatterns
    generator: Any = SchemaGenerator
    schema: dict[str, Any] = generator(patterns=patterns).get_schema(request=None, public=True)
    schema["info"] |= {
        "title": f"Larder, contract {contract}: {TITLES[contract]}",
        "description": "One of the earlier contracts that Larder answers at their own paths; "
        "docs/integrate/migrating.md lists the operations of v1 that replace it.",
    }
    return schema


def document_paths(contract: str) -> list[URLPattern]:
    """Returns the path that serves the document of a contract."""

    class Document(OpenView):
        def get(self, request: Request) -> HttpResponse:
            contents = msgspec.json.encode(document(contract))
            return HttpResponse(contents, content_type="application/json")

    return [path(f"api/compat/contract{contract}/openapi.json", Document.as_view())]
