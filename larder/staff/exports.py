"""Exports the list of products as a workbook.

Imports go through the services instead: they take the file of the products, also with changes (see
larder/catalog/product_rows.py). A text that a spreadsheet would evaluate as a formula is
escaped with a leading apostrophe (OWASP, "CSV Injection"). Numbers stay numbers. Characters that a
workbook cannot have are replaced.
"""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext
from openpyxl import Workbook  # type: ignore[import-untyped]

from larder.catalog.fields import FIELDS
from larder.catalog.queries import category_names
from larder.core import money
from larder.core.clock import now
from larder.core.spreadsheets import escape_formula
from larder.identity.services import audit
from larder.notifications.formatting import grouped
from larder.staff.base import ServiceAdmin, button
from larder.staff.lists import shop_zone
from larder.staff.words import gettext_lazy as _

MAX_EXPORTED_ROWS = 20_000
"""Rows of an exported file: it is made within one request."""

_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that no XLSX file can have (XML 1.0, section 2.2). Customers can write them."""


def safe_text(text: str) -> str:
    """Returns a text for a cell of a file: no formula (openpyxl would take it for one), and only
    characters of a workbook."""
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", escape_formula(text))


def _columns() -> dict[str, Callable[[Any], object]]:
    """Returns the columns of an export of products by name. An import takes such a file (see
    product_rows.py)."""
    names = category_names()

    def category(product: Any) -> str:
        return "" if product.category_id is None else names.label(product.category_id)

    return {
        **{field.name: attrgetter(field.name) for field in FIELDS},
        "category": category,
        "currency": lambda _product: settings.CURRENCY,
        "archived_at": attrgetter("archived_at"),
        "updated_at": attrgetter("updated_at"),
        "available": attrgetter("stock.available"),
        "committed": attrgetter("stock.committed"),
    }


def _cell(value: object) -> object:
    """Returns a cell of a file: a text, a whole number, an amount as the API writes it, or a time
    with its offset, because spreadsheets have no times with zones."""
    if isinstance(value, str):
        return safe_text(value)
    if isinstance(value, Decimal):
        return Decimal(money.text(value))
    return value.isoformat() if isinstance(value, datetime) else value


XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class ExportableProducts(ServiceAdmin):
    """Exports what the list shows, search and filters included, to those who may see it."""

    def changelist_view(self, request: Any, extra_context: Any = None) -> Any:
        """Adds the filters of the list to the address of the export."""
        page = super().changelist_view(request, extra_context)
        for action in (getattr(page, "context_data", None) or {}).get("actions_list", ()):
            if request.GET and action["path"].endswith("/export/"):
                action["path"] = f"{action['path']}?{request.GET.urlencode()}"
        return page

    @button(_("Export"), permissions=["view"], icon="download", url_path="export")
    def export(self, request: Any) -> HttpResponse:
        """Sends the file. Raises IncorrectLookupParameters for filters that the list would leave
        out."""
        rows = self.get_changelist_instance(request).queryset
        if rows.order_by()[: MAX_EXPORTED_ROWS + 1].count() > MAX_EXPORTED_ROWS:
            text = gettext("More than {} rows. Narrow the list with a search or a filter.")
            self.message_user(request, text.format(grouped(MAX_EXPORTED_ROWS)), messages.ERROR)
            return HttpResponseRedirect(f"../?{request.GET.urlencode()}")
        # A value, such as a searched name, can be personal data.
        filters = {"filters": sorted(request.GET)} if request.GET else {}
        audit.record("export:product", "export", after=filters)
        columns, book = _columns(), Workbook(write_only=True)
        sheet = book.create_sheet()
        sheet.append([*columns])
        for row in rows[:MAX_EXPORTED_ROWS].iterator():
            sheet.append([_cell(column(row)) for column in columns.values()])
        name = f"product-{now().astimezone(shop_zone()):%Y-%m-%d}"
        named = {"Content-Disposition": f'attachment; filename="{name}.xlsx"'}
        answer = HttpResponse(content_type=XLSX_TYPE, headers=named)
        book.save(answer)
        return answer
