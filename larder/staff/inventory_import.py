"""Imports a product file in the admin, with the same service as the API: all rows or none."""

import hashlib
import io
from dataclasses import replace
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from unfold.widgets import UnfoldAdminFileFieldWidget

from larder.catalog.product_rows import COLUMNS, REQUIRED, FaultyFile, refuse_longer
from larder.core.clock import now
from larder.core.errors import DomainError
from larder.core.limits import MAX_FILE_ROWS
from larder.db.idempotency import RETENTION, Claim, Scope
from larder.inventory.services.import_products import Imported, import_products
from larder.staff.base import ServiceAdmin, button
from larder.staff.confirming import require_confirmation
from larder.staff.pages import Page, PageForm, show
from larder.staff.recording import refuse_former


class ProductFileForm(PageForm):
    """A file within the limits of the API."""

    file = forms.FileField(
        label="File",
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,text/csv"}),
        help_text=f"CSV in UTF-8, at most {MAX_FILE_ROWS:,} rows and "
        f"{filesizeformat(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)}.",
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            most = filesizeformat(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
            raise forms.ValidationError(
                f"The file is larger than {most}. Send it in parts, or have it imported with "
                "manage.py import_products."
            )
        return file


class ImportableProducts(ServiceAdmin):
    """The page to import a file, for staff who may add and change products."""

    actions_list: Any = ("import_file",)

    def has_file_permission(self, request: Any, object_id: Any = None) -> bool:
        """Returns whether the user may add and change products."""
        return self.may(request, "add") and self.may(request, "change")

    @button("Import", permissions=["file"], icon="upload_file", url_path="import-file")
    def import_file(self, request: Any) -> HttpResponse:
        """Shows the form, then stores all rows of the file, or shows their faults."""
        require_confirmation(request)
        form = ProductFileForm(request.POST, request.FILES) if request.POST else ProductFileForm()
        page = Page(
            title="Import products",
            answer="Import",
            back=reverse("admin:catalog_product_changelist"),
            form=form,
            text=_EXPLAINED,
        )
        if not request.POST or not form.is_valid():
            return show(self, request, page)
        try:
            made = _import(form, request)
        except FaultyFile as refusal:
            form.add_error("file", "Nothing was stored. The faults are listed below.")
            return show(self, request, replace(page, table=_faults(refusal)))
        except DomainError as refusal:
            refuse_former(request, refusal, "catalog.add_product")
            page.refuse(refusal, {})
        else:
            text = f"{made.created:,} added, {made.changed:,} changed, {made.unchanged:,} the same."
            self.message_user(request, text, messages.SUCCESS)
            return HttpResponseRedirect(reverse("admin:catalog_product_changelist"))
        return show(self, request, page)


_EXPLAINED = (
    f"The first line names the columns: {', '.join(REQUIRED)}, and any of "
    f"{', '.join(name for name in COLUMNS if name not in REQUIRED)}. Products are found by SKU: "
    "new ones are added, known ones are changed in the columns that the file has, and archived "
    "ones are on sale again. quantity is the opening stock of new products. All rows are stored "
    "or none."
)


def _import(form: forms.Form, request: Any) -> Imported:
    """Raises FaultyFile, KeyReused."""
    raw, actor, moment = form.cleaned_data["file"].read(), request.user.public_id, now()
    text = raw.decode("utf-8-sig", "surrogateescape")
    # Checked before the transaction begins, because other files would wait for it.
    refuse_longer(io.StringIO(text, newline=""), most=MAX_FILE_ROWS)
    scope = Scope(actor, "POST admin/import", str(form.cleaned_data["form_key"]))
    content = hashlib.sha256(raw).digest()
    made, _ = import_products(
        io.StringIO(text, newline=""),
        actor=actor,
        now=moment,
        claim=Claim(scope, content, expires_at=moment + RETENTION),
    )
    return made


def _faults(refusal: FaultyFile) -> dict[str, Any]:
    rows = [[one.line, one.column or "–", one.detail] for one in refusal.rows]
    return {"title": "Faults", "headers": ["Line", "Column", "Fault"], "rows": rows}
