"""Exports lists of the admin as files: CSV and XLSX.

Imports go through the services instead: they take the file of the products, also with changes (see
larder/catalog/product_rows.py). A text that a spreadsheet would evaluate as a formula is
escaped with a leading apostrophe (OWASP, "CSV Injection"). Numbers stay numbers. Characters that a
workbook cannot have are replaced.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from itertools import chain
from operator import attrgetter
from typing import Any

from django import forms
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.utils.translation import gettext
from openpyxl import Workbook  # type: ignore[import-untyped]

from larder.core import money
from larder.core.clock import now
from larder.core.limits import MAX_EXPORTED_ROWS
from larder.core.per_key import Turns
from larder.core.spreadsheets import escape_formula
from larder.http import admin_session
from larder.identity.services import audit
from larder.staff.base import ServiceAdmin, button
from larder.staff.formatting import grouped
from larder.staff.language import gettext_lazy as _
from larder.staff.lists import shop_zone
from larder.staff.pages import Page, choice, show

_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that no XLSX file can have (XML 1.0, section 2.2). Customers can write them."""


def safe_text(text: str) -> str:
    """Returns a text for a cell of a file: no formula, and only characters of a workbook."""
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", escape_formula(text))


Column = str | Callable[[Any], object]
"""The attribute of an object that a column has, which may follow relations with points; or a
function of the object."""


def _cell(row: Any, column: Column) -> object:
    """Returns a cell of a file: a text, a whole number, an amount as the API writes it, or a time
    with its offset, because spreadsheets have no times with zones."""
    value = attrgetter(column)(row) if isinstance(column, str) else column(row)
    if isinstance(value, str):
        return safe_text(value)
    if isinstance(value, Decimal):
        return Decimal(money.text(value))
    return value.isoformat() if isinstance(value, datetime) else value


_files = Turns(1, 8)
"""Files that a process makes at once: each is in memory, as a table and as a file."""


@contextmanager
def one_at_a_time(request: Any) -> Iterator[None]:
    """Runs the block, which makes a file, after those before it. Raises Overloaded."""
    with _files.turn():
        # The session may have ended during the wait.
        admin_session.read_again(request)
        yield


XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def workbook(name: str, rows: Iterable[Iterable[object]]) -> HttpResponse:
    """Returns a workbook to download. Its texts are those of `safe_text`: openpyxl takes others for
    formulas."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in rows:
        sheet.append(list(row))
    answer = HttpResponse(content_type=XLSX_TYPE)
    answer["Content-Disposition"] = f'attachment; filename="{name}.xlsx"'
    book.save(answer)
    return answer


def _csv(name: str, rows: Iterable[Iterable[object]]) -> HttpResponse:
    """Returns a file with a byte order mark, without which Excel takes UTF-8 for something else."""
    answer = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    csv.writer(answer).writerows(rows)
    return answer


_FORMATS = {"0": ("CSV", _csv), "1": ("XLSX", workbook)}


class ExportForm(forms.Form):
    """The format of a file."""

    format = choice(_("Format"), [(key, name) for key, (name, _write) in _FORMATS.items()])


class BoundedExport(ServiceAdmin):
    """Exports what the list shows, search and filters included, to those who may see it."""

    actions_list: Any = ("export",)
    most_exported = MAX_EXPORTED_ROWS

    def export_columns(self) -> Mapping[str, Column]:
        """Returns the columns of the file by name, in their order."""
        raise NotImplementedError

    def has_export_permission(self, request: Any, object_id: Any = None) -> bool:
        """Returns whether the user may see the list."""
        return bool(self.has_view_permission(request))

    def changelist_view(self, request: Any, extra_context: Any = None) -> Any:
        """Adds the filters of the list to the address of the export."""
        page = super().changelist_view(request, extra_context)
        for action in (getattr(page, "context_data", None) or {}).get("actions_list", ()):
            if request.GET and action["path"].endswith("/export/"):
                action["path"] = f"{action['path']}?{request.GET.urlencode()}"
        return page

    @button(_("Export"), permissions=["export"], icon="download", url_path="export")
    def export(self, request: Any) -> HttpResponse:
        """Shows the form, or makes a file after those before it. Raises Overloaded, and BadRequest
        for filters that the list would leave out."""
        form = ExportForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            with one_at_a_time(request):
                rows = self._exported(request)
                if len(rows) <= self.most_exported:
                    return self._file(request, rows, form.cleaned_data["format"])
            text = gettext("More than {} rows. Narrow the list with a search or a filter.")
            form.add_error(None, text.format(grouped(self.most_exported)))
        page = Page(
            title=gettext("Export"),
            answer=gettext("Export"),
            back=f"../?{request.GET.urlencode()}",
            form=form,
        )
        return show(self, request, page)

    def _exported(self, request: Any) -> list[Any]:
        """Returns the rows of the list, and one more if they are too many."""
        try:
            rows = self.get_changelist_instance(request).queryset
            return list(rows[: self.most_exported + 1])
        except IncorrectLookupParameters as error:
            raise BadRequest from error

    def _file(self, request: Any, rows: Any, format: str) -> HttpResponse:
        # A value, such as a searched name, can be personal data.
        filters = {"filters": sorted(request.GET)} if request.GET else {}
        audit.record(f"export:{self.opts.model_name}", "export", after=filters)
        columns = self.export_columns()
        cells = ([_cell(row, column) for column in columns.values()] for row in rows)
        name = f"{self.opts.model_name}-{now().astimezone(shop_zone()):%Y-%m-%d}"
        return _FORMATS[format][1](name, chain([columns], cells))
