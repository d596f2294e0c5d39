"""The OpenAPI documents of the earlier contracts. These do not grow, so the documents are files."""

from pathlib import Path

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from larder.compat.views import OpenView

FOLDER = Path(settings.BASE_DIR) / "docs" / "openapi"
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
        document = (FOLDER / f"contract{contract}.json").read_bytes()
        return HttpResponse(document, content_type="application/json")
