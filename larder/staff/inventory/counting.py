"""Counts stock with a scanner that types the SKU or the barcode, and Enter."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext

from larder.core.clock import now
from larder.core.errors import DomainError, NotFound
from larder.core.limits import LISTED_ROWS, MAX_CODE_LENGTH, MAX_STOCK
from larder.db.idempotency import RETENTION, Claim, Scope, fingerprint
from larder.inventory.errors import CountChanged, InsufficientStock
from larder.inventory.queries.counts import CountRow, fingerprint_of, running_count
from larder.inventory.services import counts
from larder.inventory.services.adjustments import PERMISSION
from larder.staff.base import Question, ServiceAdmin, ask, button
from larder.staff.formatting import grouped, link, signed
from larder.staff.language import gettext_lazy as _
from larder.staff.pages import Page, PageForm, choice, long_text, show, whole, words
from larder.staff.recording import user_as_caller
from larder.staff.refusals import Sentence, TextForm

ADD, SET, REMOVE = "add", "set", "remove"
DISCARD = "admin:inventory_stock_discard_count"

REFUSALS: Mapping[str, Sentence] = {
    "not_found": Sentence(None, _("There is no count: it was booked or discarded.")),
    "count_changed": Sentence(
        None,
        _(
            "Nothing is booked: the count has changed since this page was opened. Check the "
            "differences below, then press Book the differences once more."
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
    """The confirmation of a count."""

    note = long_text(_("Note"), help_text=_("For the shop. The ledger has it."))
    shown = forms.CharField(widget=forms.HiddenInput)


class CountableStock(ServiceAdmin):
    """The pages of a count, for staff who may adjust stock."""

    actions_list: Any = ("count", "check_count")

    def has_count_permission(self, request: Any, object_id: Any = None) -> bool:
        """Returns whether the user may count stock."""
        return bool(request.user.has_perm(PERMISSION))

    @button(_("Count stock"), permissions=["count"], icon="barcode_scanner", url_path="count")
    def count(self, request: Any) -> HttpResponse:
        """Counts what was scanned, and shows the last products of the count."""
        first = {one: request.GET[one] for one in ("code", "units", "what") if one in request.GET}
        form = ScanForm(request.POST) if request.method == "POST" else ScanForm(initial=first)
        if form.is_bound and form.is_valid():
            try:
                _scan(request, form.cleaned_data)
                return HttpResponseRedirect(request.path)
            except NotFound:
                text = gettext("NOT COUNTED: no product has the SKU or barcode {}.")
                form.add_error("code", text.format(form.cleaned_data["code"]))
            except DomainError as refusal:
                _page(self, form, []).refuse(refusal, REFUSALS)
        found = running_count(request.user.public_id, limit=LISTED_ROWS)
        return show(self, request, _page(self, form, found))

    @button(
        _("Differences of the count"),
        permissions=["count"],
        icon="fact_check",
        url_path="differences",
    )
    def check_count(self, request: Any) -> HttpResponse:
        """Shows the differences, and books them."""
        lines = running_count(request.user.public_id)
        first = {"shown": fingerprint_of(lines)}
        form = BookForm(request.POST) if request.method == "POST" else BookForm(initial=first)
        page = Page(
            title=gettext("Differences of the count"),
            answer=gettext("Book the differences"),
            back=reverse("admin:inventory_stock_count"),
            form=form,
            text=gettext(
                "The difference is that of the time when the product was counted. Orders that were "
                "placed or shipped since then are not part of it."
            ),
            ways=[(gettext("Discard the count"), reverse(DISCARD))] if lines else (),
            table=_differences(lines),
        )
        if not form.is_bound or not form.is_valid():
            return show(self, request, page)
        try:
            given = form.cleaned_data
            caller = user_as_caller(request)
            counts.book_count(given["shown"], given["note"], caller=caller, now=now())
        except InsufficientStock as refusal:
            for text in _impossible(refusal, lines):
                self.message_user(request, text, messages.ERROR)
        except CountChanged as refusal:
            texts = map(_moved, refusal.again) if refusal.again else [REFUSALS[refusal.code].text]
            for text in texts:
                self.message_user(request, text, messages.ERROR)
        except DomainError as refusal:
            self.tell_refusal(request, refusal, REFUSALS)
        else:
            self.message_user(request, gettext("The count is booked."), messages.SUCCESS)
            return HttpResponseRedirect(page.back)
        return HttpResponseRedirect(request.path)

    def get_urls(self) -> list[Any]:
        discard = self.admin_site.admin_view(self.discard_count)
        name = DISCARD.removeprefix("admin:")
        return [path("discard-count/", discard, name=name), *super().get_urls()]

    def discard_count(self, request: Any) -> HttpResponse:
        """Asks, and discards the count."""
        if not self.has_count_permission(request):
            raise PermissionDenied
        lines, caller = running_count(request.user.public_id), user_as_caller(request)
        if not lines:
            self.tell_refusal(request, NotFound(), REFUSALS)
        elif request.method != "POST":
            return ask(self, request, _question(lines))
        else:
            try:
                counts.discard(caller=caller, now=now())
                self.message_user(request, gettext("The count is discarded."), messages.SUCCESS)
            except DomainError as refusal:
                self.tell_refusal(request, refusal, REFUSALS)
        return HttpResponseRedirect(reverse("admin:inventory_stock_count"))


def _impossible(refusal: InsufficientStock, lines: Sequence[CountRow]) -> Iterator[str]:
    """Yields why the differences cannot be booked, and what to do, for each product."""
    skus = {one.product: one.sku for one in lines}
    text = gettext(
        "Nothing is booked, because of {sku}: {missing} units are missing, and orders need all but "
        "{left}. Look for the units, and count {sku} again. If they are lost, take {sku} out of "
        "orders ({orders}), then press Book the differences once more."
    )
    for one in refusal.lines:
        sku = skus.get(one["product"], "")
        orders = reverse("admin:orders_order_changelist", query={"q": sku})
        yield format_html(
            text,
            sku=sku,
            missing=grouped(one.get("requested", 0)),
            left=grouped(one.get("available", 0)),
            orders=link(orders, gettext("orders with it")),
        )


def _moved(sku: str) -> str:
    """Returns that a product has to be counted again, and how."""
    text = gettext(
        "Nothing is booked, because of {sku}: units of it came or left while you counted it. Count "
        "all that are on the shelf now, press its SKU below, enter their number, and press Count."
    )
    return text.format(sku=sku)


def _scan(request: Any, given: Mapping[str, Any]) -> None:
    product, caller, moment = counts.find_product(given["code"]), user_as_caller(request), now()
    scope = Scope(caller.public_id, "POST admin/count", str(given["form_key"]))
    content = fingerprint(given["what"], product, given["units"])
    claim = Claim(scope, content, expires_at=moment + RETENTION)
    if given["what"] == REMOVE:
        counts.remove(product, caller=caller, now=moment, claim=claim)
    else:
        count = counts.set_units if given["what"] == SET else counts.add_units
        count(product, given["units"], caller=caller, now=moment, claim=claim)


def _question(lines: Sequence[CountRow]) -> Question:
    text = gettext("Discard the count? Nothing is booked, and what was counted is lost.")
    products = ngettext("{} counted product", "{} counted products", len(lines))
    return Question(
        title=gettext("Discard the count"),
        text=text,
        answer=gettext("Discard the count"),
        about=[products.format(grouped(len(lines)))],
        sends=[],
        back=reverse("admin:inventory_stock_check_count"),
    )


def _page(model_admin: Any, form: ScanForm, found: Sequence[CountRow]) -> Page:
    last = found[0] if found else None
    check = gettext("Differences of the count"), reverse("admin:inventory_stock_check_count")
    return Page(
        title=gettext("Count stock"),
        answer=gettext("Count"),
        back=reverse("admin:inventory_stock_changelist"),
        form=form,
        text=gettext("The count is kept, also if you close this page."),
        ways=[check],
        facts=list(_facts(last)) if last and not form.errors else (),
        table={
            "title": gettext("Counted last"),
            "headers": [
                gettext("SKU"),
                gettext("Name"),
                gettext("Shelf place"),
                gettext("Counted"),
            ],
            "rows": [
                [_correct(one), one.name, one.shelf_place, grouped(one.counted)] for one in found
            ],
        },
    )


def _facts(last: CountRow) -> Iterator[tuple[str, str]]:
    yield gettext("Counted"), f"{grouped(last.counted)} × {last.sku} {last.name}"
    if last.shelf_place:
        yield gettext("Shelf place"), last.shelf_place
    if last.is_moved:
        yield gettext("Attention"), _again()


def _again() -> str:
    return gettext("The shelf changed while it was counted. Count it again, and set its units.")


def _correct(one: CountRow) -> str:
    """Returns the SKU as a link that fills in the form to correct it."""
    query = {"code": one.sku, "units": one.counted, "what": SET}
    return link(reverse("admin:inventory_stock_count", query=query), one.sku)


def _differences(lines: Sequence[CountRow]) -> dict[str, Any]:
    heads = (
        *(gettext("SKU"), gettext("Name"), gettext("Counted"), gettext("On the shelf then")),
        *(gettext("Difference"), gettext("Available"), gettext("Reserved for orders")),
    )
    return {"title": gettext("Differences"), "headers": heads, "rows": [_row(one) for one in lines]}


def _row(one: CountRow) -> list[str]:
    difference = _again() if one.is_moved else signed(one.difference)
    units = (grouped(one.counted), grouped(one.on_shelf))
    now_there = (grouped(one.available), grouped(one.committed))
    return [_correct(one), one.name, *units, difference, *now_there]
