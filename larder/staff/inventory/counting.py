"""Counts stock by a scanner that types the SKU or the barcode, and Enter."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from unfold.widgets import UnfoldBooleanWidget

from larder.core.clock import now
from larder.core.errors import DomainError, NotFound
from larder.core.limits import LISTED_ROWS, MAX_CODE_LENGTH, MAX_STOCK
from larder.inventory.errors import CountChanged, InsufficientStock, LargeDifference
from larder.inventory.models import CountedProduct, Stock
from larder.inventory.queries import fingerprint_of, running_count
from larder.inventory.services import counts
from larder.inventory.services.adjustments import PERMISSION
from larder.staff.base import ServiceAdmin, button
from larder.staff.formatting import grouped, link, signed
from larder.staff.pages import LineForm, Page, PageForm, ask, choice, long_text, show, whole, words
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
    checked = forms.BooleanField(label=_("Is right"), required=False, widget=UnfoldBooleanWidget)

    def __init__(self, row: CountedProduct, sent: Any) -> None:
        super().__init__(sent, prefix=f"line-{row.product_id}")
        self.row = row
        if not _is_red(row):
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

    actions_list: Any = ("count", "check_count")

    @button(_("Count stock"), permissions=[PERMISSION], icon="barcode_scanner", url_path="count")
    def count(self, request: Any) -> HttpResponse:
        """Counts what was scanned, and shows the last products of the count."""
        names = ("code", "units", "what")
        first = {name: request.GET[name] for name in names if name in request.GET}
        form = ScanForm(request.POST) if request.method == "POST" else ScanForm(initial=first)
        alike: Sequence[Stock] = ()
        if form.is_bound and form.is_valid():
            try:
                _scan(request, form.cleaned_data)
                return HttpResponseRedirect(request.path)
            except NotFound:
                alike = offered(form.cleaned_data["code"], ())
                text = gettext("NOT COUNTED: no product has the SKU or barcode {}.")
                if alike:
                    text = gettext("NOT COUNTED: choose the product below, then press Enter.")
                form.add_error("code", text.format(form.cleaned_data["code"]))
            except DomainError as refusal:
                _page(form, _counted([])).refuse(refusal, REFUSALS)
        counted = running_count(request.user.public_id, limit=LISTED_ROWS)
        table = _alike(alike, form.cleaned_data) if alike else _counted(counted)
        return show(self, request, _page(form, table, counted[:1]))

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
            return show(self, request, page)
        checked = [line.product for line in counted if line.cleaned_data["checked"]]
        shown, note = (page.form.cleaned_data[name] for name in ("shown", "note"))
        try:
            counts.book_count(shown, note, checked=checked, caller=caller_of(request), now=now())
        except LargeDifference as refusal:
            page.refuse(refusal, REFUSALS)
            return show(self, request, page)
        except InsufficientStock as refusal:
            for text in _impossible(refusal, lines):
                self.message_user(request, text, messages.ERROR)
        except CountChanged as refusal:
            texts = [_MOVED.format(sku=sku) for sku in refusal.again]
            for text in texts or [REFUSALS[refusal.code].text]:
                self.message_user(request, text, messages.ERROR)
        except DomainError as refusal:
            self.tell_refusal(request, refusal, REFUSALS)
        else:
            self.message_user(request, gettext("The count is booked."), messages.SUCCESS)
            return HttpResponseRedirect(page.back)
        return HttpResponseRedirect(request.path)

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
    return not _is_red(row), not row.is_moved, -abs(row.difference)


def _is_red(row: CountedProduct) -> bool:
    return row.is_large and not row.is_moved


def _difference(row: CountedProduct) -> str:
    if row.is_moved:
        return str(_AGAIN)
    text = signed(row.difference)
    return format_html('<strong class="page-warning">{}</strong>', text) if row.is_large else text


def _sum(lines: Sequence[CountedProduct]) -> str:
    """Returns what the button says: by how many units it changes the stock."""
    units = sum(line.difference for line in lines)
    return ngettext("Book {} unit", "Book {} units", abs(units)).format(signed(units))


def _impossible(refusal: InsufficientStock, lines: Sequence[CountedProduct]) -> Iterator[str]:
    """Yields why the differences cannot be booked, and what to do, for each product."""
    skus = {row.product_id: row.product.product.sku for row in lines}
    text = gettext(
        "Nothing is booked, because of {sku}: {requested} units are missing, and orders need all "
        "but {available}. Count {sku} again. If the units are lost, take {sku} out of orders, then "
        "confirm once more."
    )
    for line in refusal.lines:
        units = [line.get(name, 0) for name in ("requested", "available")]
        missing, left = map(grouped, units)
        yield text.format(sku=skus.get(line["product"], ""), requested=missing, available=left)


_MOVED = _(
    "Nothing is booked, because of {sku}: units of it came or left while you counted it. Count all "
    "that are on the shelf now, press its SKU below, enter their number, and press Count."
)


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


def _page(form: ScanForm, table: Mapping[str, Any], last: Sequence[CountedProduct] = ()) -> Page:
    check = gettext("Differences of the count"), reverse("admin:inventory_adjustment_check_count")
    return Page(
        title=gettext("Count stock"),
        answer=gettext("Count"),
        back=reverse("admin:inventory_adjustment_changelist"),
        form=form,
        text=gettext("The count is kept, also if you close this page."),
        ways=[check],
        facts=list(_facts(last[0])) if last and not form.errors else (),
        table=table,
    )


def _counted(lines: Sequence[CountedProduct]) -> Mapping[str, Any]:
    rows = [
        [
            *(_correct(row), row.product.product.name, row.product.product.shelf_place),
            grouped(row.counted),
        ]
        for row in lines
    ]
    headers = (_("SKU"), _("Name"), _("Shelf place"), _("Counted"))
    return {"title": gettext("Counted last"), "headers": headers, "rows": rows}


def _alike(stocks: Sequence[Stock], sent: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the products that were perhaps meant; the link of each fills in the form."""
    query = {"units": sent["units"], "what": sent["what"]}
    rows = [
        [_filled_in(stock.product.sku, query), stock.product.name, stock.product.shelf_place]
        for stock in stocks
    ]
    return {
        "title": gettext("Which one?"),
        "headers": (_("SKU"), _("Name"), _("Shelf place")),
        "rows": rows,
    }


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
    return _filled_in(row.product.product.sku, {"units": row.counted, "what": SET})


def _filled_in(sku: str, query: Mapping[str, Any]) -> str:
    address = reverse("admin:inventory_adjustment_count", query={"code": sku, **query})
    return link(address, sku)
