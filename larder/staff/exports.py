"""Exports lists of the admin as files: CSV and, if openpyxl is installed, XLSX.

Imports go through the services instead. A text that a spreadsheet would evaluate as a formula is
escaped with a leading apostrophe (OWASP, "CSV Injection"). Numbers stay numbers. Characters that a
workbook cannot have are replaced.
"""

import re
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import BadRequest
from import_export.admin import ExportMixin
from import_export.fields import Field
from import_export.formats.base_formats import CSV, XLSX
from import_export.resources import Resource
from import_export.widgets import DecimalWidget, IntegerWidget, Widget
from unfold.contrib.import_export.forms import ExportForm

from larder.core.limits import MAX_EXPORTED_ROWS
from larder.core.spreadsheets import escape_formula
from larder.identity import audit

_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that no XLSX file can have (XML 1.0, section 2.2). Customers can write them."""


class _Text(Widget):  # type: ignore[misc]
    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        safe = "" if value is None else escape_formula(str(value))
        return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", safe)


class _Moment(Widget):  # type: ignore[misc]
    """RFC 3339 with its offset, because spreadsheets have no times with zones."""

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "" if value is None else str(value.isoformat())


def text(attribute: str, name: str = "") -> Any:
    """A column of text; `attribute` may follow relations with two underscores."""
    return Field(attribute, name or attribute, widget=_Text())


def number(attribute: str, name: str = "") -> Any:
    """A column of whole numbers."""
    return Field(attribute, name or attribute, widget=IntegerWidget())


def price(attribute: str, name: str = "") -> Any:
    """A column of amounts; the currency is in another column."""
    return Field(attribute, name or attribute, widget=DecimalWidget())


def computed(name: str) -> Any:
    """A column whose value the resource's `dehydrate_<name>` gives: a number, or safe text."""
    return Field(column_name=name)


def moment(attribute: str, name: str = "") -> Any:
    """A column of times."""
    return Field(attribute, name or attribute, widget=_Moment())


class Columns(Resource):  # type: ignore[misc]
    """The columns of a file, in the order they are declared. Nothing here can read one in."""

    @classmethod
    def get_display_name(cls) -> str:
        return cls.__name__


class BoundedExport(ExportMixin):  # type: ignore[misc]
    """Exports what the list shows, search and filters included, to those who may see it."""

    export_form_class = ExportForm
    export_formats = [kind for kind in (CSV, XLSX) if kind.is_available()]
    # With a byte order mark, without which Excel takes UTF-8 for something else.
    to_encoding = "utf-8-sig"
    most_exported = MAX_EXPORTED_ROWS

    def has_export_permission(self, request: Any) -> bool:
        """Returns whether the user may see the list. The library allows every user of the admin."""
        return bool(self.has_view_permission(request))

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
            raise ValueError(
                f"More than {self.most_exported:,} rows. Narrow the list with a search or a filter."
            )
        audit.record(f"export:{self.opts.model_name}", "export", after=self._asked(request))
        return super().get_export_data(file_format, request, queryset, **kwargs)

    def _asked(self, request: Any) -> dict[str, Any]:
        """Returns the filters of the list, for the audit trail. A search, or the value of a field
        without a filter, can be personal data: of these only that they were given."""
        given = {name: value for name, value in request.GET.items() if name != SEARCH_VAR}
        shown = {getattr(one, "parameter_name", None) or one[0] for one in self.list_filter}
        known = {
            name: value if name.partition("__")[0] in shown else True
            for name, value in given.items()
        }
        return known | ({"searched": True} if request.GET.get(SEARCH_VAR) else {})
