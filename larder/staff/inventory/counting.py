"""Counts stock by a scanner that types the SKU or the barcode, and Enter."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, ngettext

from larder.core.clock import now
from larder.core.errors import DomainError, NotFound
from larder.core.limits import LISTED_ROWS, MAX_CODE_LENGTH, MAX_STOCK
from larder.inventory.models import CountedProduct
from larder.inventory.queries import fingerprint_of, running_count
from larder.inventory.services import counts
from larder.inventory.services.adjustments import PERMISSION
from larder.notifications.formatting import grouped
from larder.staff.base import ServiceAdmin, button
from larder.staff.formatting import link, signed
from larder.staff.pages import (
    LineForm,
    Page,
    PageForm,
    ask,
    choice,
    long_text,
    show,
    tick,
    whole,
    words,
)
from larder.staff.product_choice import offered
from larder.staff.recording import caller_of, claim
from larder.staff.refusals import Sentence, TextForm
from larder.staff.words import gettext_lazy as _

ADD, SET, REMOVE = "add", "set", "remove"

REFUSALS: Mapping[str, Sentence] = {
    "not_found": Sentence(None, _("There is no count: it was booked or discarded.")),
    "count_changed": Sentence(
        None,
        _(
            "Nothing is booked: the count has changed since this page was opened. Check the "
            "differences below, then confirm once more."
        ),
    ),
    "large_difference": Sentence(
        "checked", _("Nothing is booked. Tick it if it is right, or count the product again.")
    ),
    "count_again": Sentence(
        "checked",
        _(
            "Nothing is booked: units came or left while you counted it. Count all that are on the "
            "shelf now, press its SKU, enter their number, and press Count."
        ),
    ),
    "insufficient_stock": Sentence(
        "checked",
        _(
            "Nothing is booked: {requested} units are missing, and orders need all but "
            "{available}. Count it again. If the units are lost, take it out of orders first."
        ),
    ),
}


class ScanForm(PageForm):
    """What a scanner types, and how many units that are."""

    code = words(
        _("SKU or barcode"),
        most=MAX_CODE_LENGTH,
        help_text=_("Scan the product, or type its number or words of its name, and press Enter."),
    )
    units = whole(_("Units"), least=0, most=MAX_STOCK, initial=1)
    what = choice(
        _("What to do"),
        [
            (ADD, _("Add the units")),
            (SET, _("Set the counted units")),
            (REMOVE, _("Remove the product from the count")),
        ],
        help_text=_("Each scan adds its units. To correct a product, set its units."),
    )

    class Media:
        js = ("staff/counting.js",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        attrs = {"autofocus": True, "autocomplete": "off", "data-scan": "", "enterkeyhint": "done"}
        self.fields["code"].widget.attrs |= attrs


class CountedForm(LineForm):
    """A counted product. A large difference needs its tick."""

    heads = (
        *(_("SKU"), _("Name"), _("Counted"), _("On the shelf then")),
        *(_("Difference"), _("Available"), _("Reserved for orders")),
    )
    checked = tick(_("Is right"))

    def __init__(self, row: CountedProduct, sent: Any) -> None:
        super().__init__(sent, prefix=f"line-{row.product_id}")
        self.row = row
        if not row.is_large:
            self.fields["checked"].disabled = True
            self.fields["checked"].widget.attrs["hidden"] = True
        units = (row.counted, row.on_shelf)
        stock = (row.product.available, row.product.committed)
        self.cells = (
            *(_correct(row), row.product.product.name, *map(grouped, units)),
            *(_difference(row), *map(grouped, stock)),
        )

    @property
    def product(self) -> int:
        return int(self.row.product_id)


class BookForm(TextForm, forms.Form):
    """The end of a count."""

    note = long_text(_("Note"), help_text=_("For the shop. The ledger has it."))
    shown = forms.CharField(widget=forms.HiddenInput)


class CountableStock(ServiceAdmin):
    """The pages of a count, for staff who may adjust stock."""

    @button(_("Count stock"), permissions=[PERMISSION], icon="barcode_scanner", url_path="count")
    def count(self, request: Any) -> HttpResponse:
        """Counts what was scanned, and shows the last products of the count."""
        names = ("code", "units", "what")
        first = {name: request.GET[name] for name in names if name in request.GET}
        form = ScanForm(request.POST) if request.method == "POST" else ScanForm(initial=first)
        if form.is_bound and form.is_valid():
            try:
                _scan(request, form.cleaned_data)
                return HttpResponseRedirect(request.path)
            except NotFound:
                form.add_error("code", _unknown(form.cleaned_data))
            except DomainError as refusal:
                _page(form, []).refuse(refusal, REFUSALS)
        counted = running_count(request.user.public_id, limit=LISTED_ROWS)
        return show(request, _page(form, counted))

    @button(
        _("Differences of the count"),
        permissions=[PERMISSION],
        icon="fact_check",
        url_path="differences",
    )
    def check_count(self, request: Any) -> HttpResponse:
        """Shows the differences, the largest first, and books or discards them."""
        if "discard" in request.GET:
            return self._discard(request)
        lines = sorted(running_count(request.user.public_id), key=_urgency)
        sent = request.POST if request.method == "POST" else None
        counted = [CountedForm(line, sent) for line in lines]
        page = Page(
            title=gettext("Differences of the count"),
            answer=_sum(lines),
            back=reverse("admin:inventory_adjustment_count"),
            form=BookForm(sent, initial={"shown": fingerprint_of(lines)}),
            lines=counted,
            heads=CountedForm.heads,
            text=gettext(
                "The difference is that of the time when the product was counted. Orders that were "
                "placed or shipped since then are not part of it."
            ),
            ways=[(gettext("Discard the count"), "?discard=1")],
        )
        if sent is None or not page.is_valid():
            return show(request, page)
        checked = [line.product for line in counted if line.cleaned_data["checked"]]
        shown, note = (page.form.cleaned_data[name] for name in ("shown", "note"))
        try:
            caller = caller_of(request)
            booked = counts.book_count(shown, note, checked=checked, caller=caller, now=now())
        except DomainError as refusal:
            if refusal.extensions.get("lines"):
                page.refuse(refusal, REFUSALS)
                return show(request, page)
            self.tell_refusal(request, refusal, REFUSALS)
            return HttpResponseRedirect(request.path)
        self.message_user(request, gettext("The count is booked."), messages.SUCCESS)
        return self.to_adjustment(request, booked)

    def to_adjustment(self, request: Any, booked: UUID) -> HttpResponse:
        """Leads to what was booked, or to the first page for users who may not see it."""
        may_view = self.has_view_permission(request)
        return HttpResponseRedirect(
            self.change_address(booked) if may_view else reverse("admin:index")
        )

    def _discard(self, request: Any) -> HttpResponse:
        back = reverse("admin:inventory_adjustment_count")
        if request.method != "POST":
            title = gettext("Discard the count")
            text = gettext("Nothing is booked, and what was counted is lost.")
            return ask(self, request, title, [], text=text, variant="danger", back=back)
        counts.discard(caller=caller_of(request), now=now())
        self.message_user(request, gettext("The count is discarded."), messages.SUCCESS)
        return HttpResponseRedirect(back)


def _urgency(row: CountedProduct) -> tuple[bool, bool, int]:
    """Sorts what needs a tick first, then what has to be counted again; the largest first."""
    return not row.is_large, not row.is_moved, -abs(row.difference)


def _difference(row: CountedProduct) -> str:
    if row.is_moved:
        return str(_AGAIN)
    text = signed(row.difference)
    return format_html('<strong class="page-warning">{}</strong>', text) if row.is_large else text


def _sum(lines: Sequence[CountedProduct]) -> str:
    """Returns what the button says: by how many units it changes the stock."""
    units = sum(line.difference for line in lines)
    return ngettext("Book {} unit", "Book {} units", abs(units)).format(signed(units))


def _scan(request: Any, sent: Mapping[str, Any]) -> None:
    product, caller = _product(sent["code"]), caller_of(request)
    once = claim(caller, "count", sent["form_key"], sent["what"], product, sent["units"])
    if sent["what"] == REMOVE:
        counts.discard(product, caller=caller, now=now(), claim=once)
    else:
        count = counts.set_units if sent["what"] == SET else counts.add_units
        count(product, sent["units"], caller=caller, now=now(), claim=once)


def _product(code: str) -> int:
    """Returns the product with this SKU or barcode, or the only one with these words in its name.
    A part of a SKU is a code that was read badly. Raises NotFound, InvalidInput."""
    try:
        return counts.find_product(code)
    except NotFound:
        alike = offered(code, ())
        if len(alike) == 1 and not code.isdecimal():
            product = alike[0].product
            if code.casefold() not in product.sku.casefold():
                return int(product.pk)
        raise


def _unknown(sent: Mapping[str, Any]) -> str:
    """Returns that nothing was counted, and links of the products that were perhaps meant, each of
    which fills in the form."""
    query = {"units": sent["units"], "what": sent["what"]}
    alike = [
        (_filled_in(stock.product.sku, query, str(stock.product)),)
        for stock in offered(sent["code"], ())
    ]
    if not alike:
        text = gettext("NOT COUNTED: no product has the SKU or barcode {}.")
        return text.format(sent["code"])
    text = gettext("NOT COUNTED: choose the product, then press Enter.")
    return format_html("{} {}", text, format_html_join(" · ", "{}", alike))


def _page(form: ScanForm, counted: Sequence[CountedProduct]) -> Page:
    last = counted[0] if counted else None
    check = gettext("Differences of the count"), reverse("admin:inventory_adjustment_check_count")
    return Page(
        title=gettext("Count stock"),
        answer=gettext("Count"),
        back=reverse("admin:inventory_adjustment_changelist"),
        form=form,
        text=gettext("The count is kept, also if you close this page."),
        ways=[check],
        facts=list(_facts(last)) if last and not form.errors else (),
        table={
            "title": gettext("Counted last"),
            "headers": (_("SKU"), _("Name"), _("Shelf place"), _("Counted")),
            "rows": [
                [
                    *(_correct(row), row.product.product.name, row.product.product.shelf_place),
                    grouped(row.counted),
                ]
                for row in counted
            ],
        },
    )


def _facts(last: CountedProduct) -> Iterator[tuple[str, str]]:
    product = last.product.product
    yield gettext("Counted"), f"{grouped(last.counted)} × {product}"
    if product.shelf_place:
        yield gettext("Shelf place"), product.shelf_place
    if last.is_moved:
        yield gettext("Attention"), _AGAIN


_AGAIN = _("The shelf changed while it was counted. Count it again, and set its units.")


def _correct(row: CountedProduct) -> str:
    """Returns the SKU as a link that fills in the form to correct it."""
    sku = row.product.product.sku
    return _filled_in(sku, {"units": row.counted, "what": SET}, sku)


def _filled_in(sku: str, query: Mapping[str, Any], text: str) -> str:
    return link(reverse("admin:inventory_adjustment_count", query={"code": sku, **query}), text)
