"""Imports a product file in the admin, with the same service as the API: all rows or none, after a
preview of what it would change."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext, ngettext
from unfold.widgets import UnfoldAdminFileFieldWidget

from larder.catalog.fields import REQUIRED
from larder.catalog.models import Product
from larder.catalog.product_rows import COLUMNS, QUANTITY, FaultyFile
from larder.catalog.queries import CategoryNames, category_names
from larder.catalog.services.product_import import Change
from larder.core.clock import now
from larder.core.errors import DomainError, NotFound
from larder.core.limits import MAX_FILE_ROWS
from larder.core.money import with_texts
from larder.identity.services import audit
from larder.inventory.services.products import (
    Author,
    Preview,
    PreviewOutdated,
    ProductsImported,
    import_previewed,
    preview_products,
)
from larder.notifications.formatting import grouped
from larder.staff.base import ServiceAdmin, button
from larder.staff.confirming import require_confirmation
from larder.staff.exports import XLSX_TYPE
from larder.staff.history import changes
from larder.staff.pages import Page, show
from larder.staff.recording import caller_of
from larder.staff.words import gettext_lazy as _

MAX_SHOWN_CHANGES = 200
"""Lines of a product file whose changes a preview lists. It counts the others."""


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
            text = gettext("The file is larger than {}. Send it in parts.")
            raise forms.ValidationError(text.format(most))
        return file


FILE = "kept_file"
"""The hidden field with the id of the file whose changes are shown."""


class ImportableProducts(ServiceAdmin):
    """The page to import a file, for staff who may add and change products."""

    @button(
        _("Import"),
        permissions=["catalog.add_product", "catalog.change_product"],
        icon="upload_file",
        url_path="import-file",
    )
    def import_file(self, request: Any) -> HttpResponse:
        """Shows the form, then what the file would change or its faults, then stores all rows."""
        require_confirmation(request)
        if FILE in request.POST:
            return self._apply(request)
        is_sent = request.method == "POST"
        form = ProductFileForm(request.POST, request.FILES) if is_sent else ProductFileForm()
        page = Page(
            title=gettext("Import products"),
            answer=gettext("Show changes"),
            back=self.list_address,
            form=form,
            text=str(_EXPLAINED).format(", ".join(REQUIRED)),
            details=(gettext("Which columns?"), str(_COLUMNS).format(", ".join(COLUMNS))),
        )
        if is_sent and form.is_valid():
            try:
                raw, author = form.cleaned_data["file"].read(), Author(caller_of(request), now())
                preview = preview_products(raw, author, currency=settings.CURRENCY)
                return self._preview(request, preview)
            except FaultyFile as refusal:
                form.add_error("file", gettext("Nothing was stored. The faults are listed below."))
                page = replace(page, table=_faults(refusal))
            except DomainError as refusal:
                page.refuse(refusal, {})
        return show(request, page)

    def _preview(self, request: Any, preview: Preview) -> HttpResponse:
        """Shows what the kept file would change, with a button to import it."""
        if not preview.changes:
            return self._done(request, ProductsImported(0, 0, preview.rows))
        page = Page(
            title=gettext("Import products: check the changes"),
            answer=gettext("Import"),
            back=request.path,
            sends=[(FILE, str(preview.file))],
            text=_summary(preview),
            table=_changes(preview.changes),
        )
        return show(request, page)

    def _apply(self, request: Any) -> HttpResponse:
        """Stores the kept file, if the preview showed what it changes."""
        try:
            file = forms.UUIDField().clean(request.POST[FILE])
            author = Author(caller_of(request), now())
            stored = import_previewed(file, author, currency=settings.CURRENCY)
            return self._done(request, *stored)
        except (NotFound, forms.ValidationError):
            self.message_user(request, GONE, messages.ERROR)
        except (FaultyFile, PreviewOutdated):
            self.message_user(request, OUTDATED, messages.ERROR)
        except DomainError as refusal:
            self.tell_refusal(request, refusal, {})
        return HttpResponseRedirect(request.path)

    def _done(
        self, request: Any, imported: ProductsImported, changes: Sequence[Change] = ()
    ) -> HttpResponse:
        """Says what was stored, and shows what changed."""
        text = gettext("{} added, {} changed, {} the same.").format(
            *map(grouped, (imported.created, imported.changed, imported.unchanged))
        )
        self.message_user(request, text, messages.SUCCESS)
        if not changes:
            return HttpResponseRedirect(self.list_address)
        title, again = gettext("The products are imported"), gettext("Import another file")
        ways, table = [(again, request.path)], _changes(changes)
        page = Page(title=title, answer="", back=self.list_address, ways=ways, table=table)
        return show(request, page)


GONE = _(
    "This file is not kept any more: it was imported, or you chose another one. Choose it again."
)
OUTDATED = _(
    "Products or categories have changed since the preview. Nothing was stored: choose the file "
    "again."
)

_EXPLAINED = _(
    "A file with sku and price changes the prices of known products; one with {} also adds new "
    "ones. All rows are stored or none, after a preview. An exported file can be imported again."
)
_COLUMNS = _(
    "The first line names the columns, any of {}. Names that other programs use, such as "
    "Bezeichnung or EAN, are known too. Products are found by SKU: known ones are changed in the "
    "columns that the file has; archived ones stay archived. quantity is the opening stock of new "
    "products. category is a name, a path such as Drinks / Tea, or an id."
)


def _faults(refusal: FaultyFile) -> dict[str, Any]:
    rows = [[row.line, row.column or "–", row.detail] for row in refusal.rows]
    return {"title": _("Faults"), "headers": [_("Line"), _("Column"), _("Fault")], "rows": rows}


def _summary(preview: Preview) -> str:
    """Returns the numbers of products, and what the table leaves out."""
    new = sum(change.product is None for change in preview.changes)
    same = preview.rows - len(preview.changes)
    text = ngettext(
        "Nothing is stored yet. {} product would be added, {} changed, and {} stay the same.",
        "Nothing is stored yet. {} products would be added, {} changed, and {} stay the same.",
        new,
    ).format(*map(grouped, (new, len(preview.changes) - new, same)))
    if len(preview.changes) > MAX_SHOWN_CHANGES:
        shown = gettext("The table shows the first {} lines that change something.")
        text = f"{text} {shown.format(MAX_SHOWN_CHANGES)}"
    if preview.ignored:
        left_out = gettext("These columns are not imported: {}.")
        text = f"{text} {left_out.format(', '.join(preview.ignored))}"
    return text


def _changes(imported: Sequence[Change]) -> dict[str, Any]:
    listed = imported[:MAX_SHOWN_CHANGES]
    names, ids = category_names(), [change.product for change in listed if change.product]
    known = dict(Product.objects.filter(id__in=ids).values_list("id", "name"))
    rows = [
        [
            change.row.line,
            change.sku,
            known.get(change.product or 0) or change.after["name"],
            gettext("new") if change.product is None else gettext("changed"),
            _values(change, names),
        ]
        for change in listed
    ]
    headers = [_("Line"), _("SKU"), _("Name"), _("What"), _("Values")]
    return {"title": _("Changes"), "headers": headers, "rows": rows}


def _values(change: Change, names: CategoryNames) -> str:
    """Returns the values that a row changes; of a new product those that the file has."""
    after: Mapping[str, Any] = change.after
    if change.product is None:
        own = {**after, QUANTITY.name: change.row.quantity}
        after = {name: value for name, value in own.items() if value and name != "sku"}
    before, after = (_with_paths(fields, names) for fields in (change.before, after))
    return changes(audit.Entry(change.sku, "import", before, after))


def _with_paths(fields: Mapping[str, Any], names: CategoryNames) -> dict[str, Any]:
    """Returns the fields, categories by their paths."""
    shown = with_texts(fields)
    if "category_id" in shown:
        category = shown.pop("category_id")
        shown["category"] = category and names.path(category)
    return shown
