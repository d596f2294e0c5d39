"""Imports a product file in the admin, with the same service as the API: all rows or none."""

import csv
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.functional import lazy
from django.utils.html import format_html
from django.utils.text import format_lazy
from django.utils.translation import gettext
from unfold.widgets import UnfoldAdminFileFieldWidget

from larder.catalog.fields import REQUIRED
from larder.catalog.product_rows import COLUMNS, FaultyFile
from larder.core.clock import now
from larder.core.errors import DomainError, NotFound
from larder.core.limits import MAX_FILE_ROWS
from larder.inventory.services.authors import Author
from larder.inventory.services.import_products import (
    Imported,
    Preview,
    PreviewOutdated,
    import_previewed,
    preview_again,
    preview_products,
)
from larder.staff.base import ServiceAdmin, button
from larder.staff.confirming import require_confirmation
from larder.staff.exports import XLSX_TYPE, workbook
from larder.staff.formatting import grouped, link
from larder.staff.inventory.import_preview import summary, table
from larder.staff.language import gettext_lazy as _
from larder.staff.pages import Page, show
from larder.staff.recording import user_as_caller


class ProductFileForm(forms.Form):
    """A file within the limits of the API."""

    file = forms.FileField(
        label=_("File"),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": f".csv,text/csv,.xlsx,{XLSX_TYPE}"}),
        help_text=format_lazy(
            _("XLSX (the first sheet) or CSV as spreadsheets save them, at most {} rows and {}."),
            lazy(grouped, str)(MAX_FILE_ROWS),
            lazy(filesizeformat, str)(settings.DATA_UPLOAD_MAX_MEMORY_SIZE),
        ),
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            most = filesizeformat(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
            text = gettext(
                "The file is larger than {}. Send it in parts, or have it imported with "
                "manage.py import_products."
            )
            raise forms.ValidationError(text.format(most))
        return file


FILE = "kept_file"


class KeptFileForm(forms.Form):
    """The id of the file whose changes are shown."""

    kept_file = forms.UUIDField(widget=forms.HiddenInput)


class ImportableProducts(ServiceAdmin):
    """The page to import a file, for staff who may add and change products."""

    actions_list: Any = ("import_file",)

    def has_file_permission(self, request: Any, object_id: Any = None) -> bool:
        """Returns whether the user may add and change products."""
        return self.may(request, "add") and self.may(request, "change")

    @button(_("Import"), permissions=["file"], icon="upload_file", url_path="import-file")
    def import_file(self, request: Any) -> HttpResponse:
        """Shows the form, then what the file would change or its faults, then stores all rows."""
        require_confirmation(request)
        if sample := SAMPLES.get(request.GET.get("sample", "")):
            return _sample(*sample)
        if FILE in request.POST:
            return self._apply(request)
        is_sent = request.method == "POST"
        form = ProductFileForm(request.POST, request.FILES) if is_sent else ProductFileForm()
        page = Page(
            title=gettext("Import products"),
            answer=gettext("Show changes"),
            back=reverse("admin:catalog_product_changelist"),
            form=form,
            text=_explained(),
        )
        if not is_sent or not form.is_valid():
            return show(self, request, page)
        try:
            return self._preview(request, _previewed(form, request))
        except FaultyFile as refusal:
            form.add_error("file", gettext("Nothing was stored. The faults are listed below."))
            return show(self, request, replace(page, table=_faults(refusal)))
        except DomainError as refusal:
            page.refuse(refusal, {})
        return show(self, request, page)

    def _preview(self, request: Any, preview: Preview, *, again: bool = False) -> HttpResponse:
        """Shows what the kept file would change, with a button to import it."""
        if not preview.changes.rows:
            return self._done(request, Imported(0, 0, preview.changes.lines))
        form = KeptFileForm(initial={FILE: preview.kept})
        page = Page(
            title=gettext("Import products: check the changes"),
            answer=gettext("Import"),
            back=request.path,
            form=form,
            text=f"{OUTDATED} {summary(preview)}" if again else summary(preview),
            table=table(preview),
        )
        return show(self, request, page)

    def _apply(self, request: Any) -> HttpResponse:
        """Stores the kept file, or shows its preview again if products have changed since."""
        form = KeptFileForm(request.POST)
        try:
            if not form.is_valid():
                raise NotFound
            kept, author = form.cleaned_data[FILE], Author(user_as_caller(request), now())
            try:
                made = import_previewed(kept, author, currency=settings.CURRENCY)
                return self._done(request, made)
            except PreviewOutdated:
                preview = preview_again(kept, author, currency=settings.CURRENCY)
                return self._preview(request, preview, again=True)
        except NotFound:
            self.message_user(request, GONE, messages.ERROR)
        except FaultyFile:
            self.message_user(request, FAULTY_NOW, messages.ERROR)
        except DomainError as refusal:
            self.tell_refusal(request, refusal, {})
        return HttpResponseRedirect(request.path)

    def _done(self, request: Any, made: Imported) -> HttpResponse:
        text = gettext("{} added, {} changed, {} the same.").format(
            *map(grouped, (made.created, made.changed, made.unchanged))
        )
        self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:catalog_product_changelist"))


GONE = _(
    "This file is not kept any more: it was imported, or you chose another one. Choose it again."
)
FAULTY_NOW = _("Products or categories have changed since the preview. Choose the file again.")
OUTDATED = _("Products have changed since you opened this page. Nothing was stored: check again.")


_EXPLAINED = _(
    "The first line names the columns, any of {}. Products are found by SKU: known ones are "
    "changed in the columns that the file has, and archived ones are on sale again, unless the "
    "row has a time in archived_at. New ones are "
    "added if the file has {}; a price list of sku and price changes the prices of known ones. "
    "quantity is the opening stock of new products. category is a name, a path such as "
    "Drinks / Tea, or an id. All rows are stored or none. An exported file can be imported again."
)

SAMPLES = {"xlsx": ("", 6), "comma": (",", 6), "semicolon": (";", 6), "prices": (";", 2)}
"""The separators of the sample files, none for a workbook, and their columns: the names in the
address of the page."""

_SAMPLE_ROWS = [
    ("sku", "price", "name", "unit", "description", "quantity"),
    ("LANTERN-1", Decimal("11.90"), "Storm lantern", "", "Burns for 20 hours", 40),
    ("MATCH-1", Decimal("0.80"), "Matches", "box", "", 200),
]


def _explained() -> str:
    """Returns what a file contains, and the links to the sample files."""
    explained = _EXPLAINED.format(", ".join(COLUMNS), ", ".join(REQUIRED))
    names = (
        *("XLSX", gettext("CSV with commas")),
        *(gettext("with semicolons"), gettext("price list")),
    )
    links = [link(f"?sample={sample}", name) for sample, name in zip(SAMPLES, names, strict=True)]
    return format_html("{} {} {}, {}, {}, {}.", explained, gettext("Sample file:"), *links)


def _sample(separator: str, columns: int) -> HttpResponse:
    """Returns a file with the first columns of two products that can be imported."""
    if not separator:
        return workbook("products", _SAMPLE_ROWS)
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="products.csv"'
    answer.write("\ufeff")
    mark = "," if separator == ";" else "."
    rows = [[str(cell).replace(".", mark) for cell in row[:columns]] for row in _SAMPLE_ROWS]
    csv.writer(answer, delimiter=separator).writerows(rows)
    return answer


def _previewed(form: forms.Form, request: Any) -> Preview:
    """Raises FaultyFile."""
    raw = form.cleaned_data["file"].read()
    author = Author(user_as_caller(request), now())
    return preview_products(raw, author, currency=settings.CURRENCY)


def _faults(refusal: FaultyFile) -> dict[str, Any]:
    rows = [[one.line, one.column or "–", one.detail] for one in refusal.rows]
    return {"title": _("Faults"), "headers": [_("Line"), _("Column"), _("Fault")], "rows": rows}
