"""Exports lists of the admin as files: CSV and XLSX.

Imports go through the services instead: they take the file of the products, also with changes (see
larder/catalog/product_rows.py). A text that a spreadsheet would evaluate as a formula is
escaped with a leading apostrophe (OWASP, "CSV Injection"). Numbers stay numbers. Characters that a
workbook cannot have are replaced.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from time import monotonic
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.utils.translation import gettext
from import_export.admin import ExportMixin
from import_export.fields import Field
from import_export.formats.base_formats import CSV, XLSX
from import_export.resources import Resource
from import_export.widgets import DecimalWidget, IntegerWidget, Widget
from openpyxl import Workbook  # type: ignore[import-untyped]
from unfold.contrib.import_export.forms import ExportForm

from larder.core import money
from larder.core.limits import MAX_EXPORTED_ROWS
from larder.core.per_key import Limit, limited
from larder.core.spreadsheets import escape_formula
from larder.core.tags import joined
from larder.http import admin_session
from larder.http.raw_body import is_late
from larder.identity.services import audit
from larder.staff.formatting import grouped
from larder.staff.language import in_english
from larder.staff.lists import filter_parameters

_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that no XLSX file can have (XML 1.0, section 2.2). Customers can write them."""


def safe_text(value: object) -> str:
    """Returns a text for a cell of a file: no formula, and only characters of a workbook."""
    safe = escape_formula(str(value))
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", safe)


class _Text(Widget):  # type: ignore[misc]
    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "" if value is None else safe_text(value)


class _Tags(Widget):  # type: ignore[misc]
    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return safe_text(joined(value or ()))


class _Amount(DecimalWidget):  # type: ignore[misc]
    """An amount with two decimals, or three if the third is not zero, as the API writes it."""

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        exact = None if value is None else Decimal(money.text(value))
        return super().render(exact, obj, **kwargs)


class _Moment(Widget):  # type: ignore[misc]
    """RFC 3339 with its offset, because spreadsheets have no times with zones."""

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "" if value is None else str(value.isoformat())


def text(attribute: str, name: str = "") -> Any:
    """A column of text; `attribute` may follow relations with two underscores."""
    return Field(attribute, name or attribute, widget=_Text())


def tags(attribute: str, name: str = "") -> Any:
    """A column of tags, with commas between them."""
    return Field(attribute, name or attribute, widget=_Tags())


def number(attribute: str, name: str = "") -> Any:
    """A column of whole numbers."""
    return Field(attribute, name or attribute, widget=IntegerWidget())


def price(attribute: str, name: str = "") -> Any:
    """A column of amounts; the currency is in another column."""
    return Field(attribute, name or attribute, widget=_Amount())


def computed(name: str) -> Any:
    """A column whose value the resource's `dehydrate_<name>` gives: a number, or `safe_text`."""
    return Field(column_name=name)


def moment(attribute: str, name: str = "") -> Any:
    """A column of times."""
    return Field(attribute, name or attribute, widget=_Moment())


class Columns(Resource):  # type: ignore[misc]
    """The columns of a file, in the order they are declared. Nothing here can read one in."""

    @classmethod
    def get_display_name(cls) -> str:
        return cls.__name__


_files = Limit(1)
"""Files that a process makes at once: each is in memory, as a table and as a file."""


@contextmanager
def one_at_a_time(request: Any) -> Iterator[None]:
    """Runs the block, which makes a file, after those before it. Raises Overloaded."""
    began = monotonic()
    with limited(_files, "staff"):
        if is_late(began):
            admin_session.read_again(request)
        yield


XLSX_TYPE: str = XLSX.CONTENT_TYPE


def workbook(name: str, rows: Iterable[Iterable[object]]) -> HttpResponse:
    """Returns a workbook to download. Its texts are those of `safe_text`: openpyxl takes others for
    formulas. Numbers with more digits than a spreadsheet keeps are texts."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in rows:
        sheet.append([_kept_exact(cell) for cell in row])
    answer = HttpResponse(content_type=XLSX_TYPE)
    answer["Content-Disposition"] = f'attachment; filename="{name}.xlsx"'
    book.save(answer)
    return answer


_EXACT_DIGITS = 15


def _kept_exact(cell: object) -> object:
    is_number = isinstance(cell, int | Decimal)
    return str(cell) if is_number and len(str(cell).strip("-")) > _EXACT_DIGITS else cell


class BoundedExport(ExportMixin):  # type: ignore[misc]
    """Exports what the list shows, search and filters included, to those who may see it."""

    export_form_class = ExportForm
    export_formats = [CSV, XLSX]
    # With a byte order mark, without which Excel takes UTF-8 for something else.
    to_encoding = "utf-8-sig"
    most_exported = MAX_EXPORTED_ROWS

    def has_export_permission(self, request: Any) -> bool:
        """Returns whether the user may see the list. The library allows every user of the admin."""
        return bool(self.has_view_permission(request))

    def export_action(self, request: Any) -> Any:
        """Shows the form, or makes a file after those before it. Raises Overloaded."""
        if request.method != "POST":
            return super().export_action(request)
        with one_at_a_time(request):
            return super().export_action(request)

    def get_valid_export_item_pks(self, request: Any) -> tuple[int, ...]:
        """None: the library would read the ids of the whole table."""
        return ()

    def get_export_queryset(self, request: Any) -> Any:
        """Raises BadRequest for filters that the list would leave out."""
        try:
            return super().get_export_queryset(request)
        except IncorrectLookupParameters as error:
            raise BadRequest from error

    def get_export_data(self, file_format: Any, request: Any, queryset: Any, **kwargs: Any) -> Any:
        """Exports the rows. Raises ValueError, which the library shows above its form."""
        if queryset.order_by()[: self.most_exported + 1].count() > self.most_exported:
            text = gettext("More than {} rows. Narrow the list with a search or a filter.")
            raise ValueError(text.format(grouped(self.most_exported)))
        audit.record(f"export:{self.opts.model_name}", "export", after=self._filters(request))
        with in_english():
            return super().get_export_data(file_format, request, queryset, **kwargs)

    def _filters(self, request: Any) -> dict[str, Any]:
        """Returns the filters of the list, for the audit trail. A search, or a value that no filter
        offers, can be personal data: of these only that they were given."""
        filters: dict[str, Any] = {}
        for one in self.get_list_filter(request):
            for name in filter_parameters(self.model, [one]) & request.GET.keys():
                value = request.GET[name]
                filters[name] = value if self._offers(request, one, value) else True
        return filters | ({"searched": True} if request.GET.get(SEARCH_VAR) else {})

    def _offers(self, request: Any, one: Any, value: str) -> bool:
        """Returns whether the filter offers the value; of those by a relation or a flag, whether
        it can be an id."""
        if isinstance(one, type):
            spec: Any = one(request, {}, self.model, self)
            return value in dict(spec.lookup_choices)
        field = self.model._meta.get_field(one if isinstance(one, str) else one[0])
        if field.flatchoices:
            return value in dict(field.flatchoices)
        return value.isdecimal() and len(value) < 20
