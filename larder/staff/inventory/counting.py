"""Counts stock by a scanner that types the SKU or the barcode, and Enter."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext

from larder.core.clock import now
from larder.core.errors import DomainError, NotFound
from larder.core.limits import LISTED_ROWS, MAX_CODE_LENGTH, MAX_STOCK
from larder.identity.caller import Caller
from larder.inventory.errors import CountChanged, InsufficientStock
from larder.inventory.models import CountedProduct
from larder.inventory.queries import fingerprint_of, running_count
from larder.inventory.services import counts
from larder.inventory.services.adjustments import PERMISSION
from larder.staff.base import ServiceAdmin, button
from larder.staff.formatting import grouped, link, signed
from larder.staff.pages import Page, PageForm, choice, long_text, show, whole, words
from larder.staff.recording import caller_of, claim
from larder.staff.refusals import Sentence, TextForm
from larder.staff.words import gettext_lazy as _

ADD, SET, REMOVE = "add", "set", "remove"
BOOK, DISCARD = "book", "discard"

REFUSALS: Mapping[str, Sentence] = {
    "not_found": Sentence(None, _("There is no count: it was booked or discarded.")),
    "count_changed": Sentence(
        None,
        _(
            "Nothing is booked: the count has changed since this page was opened. Check the "
            "differences below, then confirm once more."
        ),
    ),
}


class ScanForm(PageForm):
    """What a scanner types, and how many units that are."""

    code = words(
        _("SKU or barcode"),
        most=MAX_CODE_LENGTH,
        help_text=_("Scan the product, or type its number and press Enter."),
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


class BookForm(TextForm, forms.Form):
    """The end of a count."""

    what = choice(
        _("What to do"),
        [
            (BOOK, _("Book the differences")),
            (DISCARD, _("Discard the count: nothing is booked, and what was counted is lost")),
        ],
        initial=BOOK,
    )
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
        if form.is_bound and form.is_valid():
            try:
                _scan(request, form.cleaned_data)
                return HttpResponseRedirect(request.path)
            except NotFound:
                text = gettext("NOT COUNTED: no product has the SKU or barcode {}.")
                form.add_error("code", text.format(form.cleaned_data["code"]))
            except DomainError as refusal:
                _page(form, []).refuse(refusal, REFUSALS)
        counted = running_count(request.user.public_id, limit=LISTED_ROWS)
        return show(self, request, _page(form, counted))

    @button(
        _("Differences of the count"),
        permissions=[PERMISSION],
        icon="fact_check",
        url_path="differences",
    )
    def check_count(self, request: Any) -> HttpResponse:
        """Shows the differences, and books or discards them."""
        lines = running_count(request.user.public_id)
        first = {"shown": fingerprint_of(lines)}
        form = BookForm(request.POST) if request.method == "POST" else BookForm(initial=first)
        page = Page(
            title=gettext("Differences of the count"),
            answer=gettext("Confirm"),
            back=reverse("admin:inventory_adjustment_count"),
            form=form,
            text=gettext(
                "The difference is that of the time when the product was counted. Orders that were "
                "placed or shipped since then are not part of it."
            ),
            table=_differences(lines),
        )
        if not form.is_bound or not form.is_valid():
            return show(self, request, page)
        try:
            done = _end(caller_of(request), form.cleaned_data)
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
            self.message_user(request, done, messages.SUCCESS)
            return HttpResponseRedirect(page.back)
        return HttpResponseRedirect(request.path)


def _end(caller: Caller, sent: Mapping[str, Any]) -> str:
    if sent["what"] == DISCARD:
        counts.discard(caller=caller, now=now())
        return gettext("The count is discarded.")
    counts.book_count(sent["shown"], sent["note"], caller=caller, now=now())
    return gettext("The count is booked.")


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
    product, caller = counts.find_product(sent["code"]), caller_of(request)
    once = claim(caller, "count", sent["form_key"], sent["what"], product, sent["units"])
    if sent["what"] == REMOVE:
        counts.discard(product, caller=caller, now=now(), claim=once)
    else:
        count = counts.set_units if sent["what"] == SET else counts.add_units
        count(product, sent["units"], caller=caller, now=now(), claim=once)


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
    query = {"code": sku, "units": row.counted, "what": SET}
    return link(reverse("admin:inventory_adjustment_count", query=query), sku)


def _differences(lines: Sequence[CountedProduct]) -> dict[str, Any]:
    heads = (
        *(_("SKU"), _("Name"), _("Counted"), _("On the shelf then")),
        *(_("Difference"), _("Available"), _("Reserved for orders")),
    )
    rows = [
        [
            _correct(row),
            row.product.product.name,
            *map(grouped, (row.counted, row.on_shelf)),
            _AGAIN if row.is_moved else signed(row.difference),
            *map(grouped, (row.product.available, row.product.committed)),
        ]
        for row in lines
    ]
    return {"title": _("Differences"), "headers": heads, "rows": rows}
