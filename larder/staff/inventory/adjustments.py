"""The screens of what changes stock: adjustments, in which staff correct up to a hundred products
with one reason, and the ledger of all changes.

A line of an adjustment shows the figures of its product as soon as the SKU is entered
(product_choice.py).
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Case, OuterRef, Subquery, UUIDField, When
from django.db.models.functions import Cast
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext

from larder.catalog import queries as catalog
from larder.catalog.models import Product
from larder.core.clock import now
from larder.core.errors import DomainError
from larder.core.limits import MAX_STOCK
from larder.inventory import queries
from larder.inventory.models import Adjustment, LedgerEntry
from larder.inventory.services import adjustments
from larder.inventory.services.adjustments import AdjustmentLine
from larder.notifications.formatting import grouped
from larder.orders.models import OrderEvent
from larder.staff.base import RecordAdmin
from larder.staff.formatting import change_link, column, in_one_line, signed, time_column
from larder.staff.inventory.counting import CountableStock
from larder.staff.lists import in_brief
from larder.staff.pages import (
    Page,
    PageForm,
    choice,
    further_line,
    lines_of,
    long_text,
    show,
    whole,
)
from larder.staff.product_choice import UNKNOWN, ProductLineForm, is_complete, sku_field
from larder.staff.recording import caller_of, claim
from larder.staff.refusals import Sentence
from larder.staff.words import gettext_lazy as _
from larder.staff.words import word

REASONS = ("received", "damaged", "lost", "correction")
"""The reasons that staff can select. The API accepts any word."""

SENTENCES: Mapping[str, Sentence] = {
    "insufficient_stock": Sentence(
        "delta", _("Only {available} are available: {requested} cannot be removed.")
    ),
    "stock_limit_exceeded": Sentence("delta", _("No product can have more than {limit} units.")),
    "unknown_product": Sentence("sku", UNKNOWN),
}


class AdjustmentForm(PageForm):
    """The reason of an adjustment, and a note."""

    reason = choice(
        _("Reason"),
        lambda: [("", gettext("Select")), *((code, capfirst(word(code))) for code in REASONS)],
        help_text=_("Why the stock changes. The ledger has it."),
    )
    note = long_text(
        _("Note"),
        help_text=_("For the shop, such as the number of a delivery note. The ledger has it."),
    )


class AdjustmentLineForm(ProductLineForm):
    """A product, with the change of its units."""

    sku = sku_field(_("Product"))
    delta = whole(_("Change"), least=-MAX_STOCK, most=MAX_STOCK)

    def clean(self) -> dict[str, Any]:
        sent = super().clean() or {}
        if sent.get("delta") == 0:
            self.add_error("delta", gettext("A change of 0 needs no adjustment."))
        return sent


_EXPLAINED = _(
    "Change: units received (12) or removed (-3). Empty lines are ignored. What was counted is "
    "booked by a stock count."
)


@admin.register(Adjustment)
class AdjustmentAdmin(CountableStock, RecordAdmin):
    """Corrections of stock. They are added here and never changed."""

    actions_list = ("count", "check_count")
    fields = ("at_shown", "reason_shown", "by", "note", "lines")
    list_display = ("at_shown", "reason_shown", "by", "note_shown")

    def has_add_permission(self, request: Any, obj: Any = None) -> bool:
        return self.may(request, "add")

    def add_view(self, request: Any, form_url: str = "", extra_context: Any = None) -> Any:
        """Shows a page of lines, and books all of them or none. Then shows what changed."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        first = {"sku": request.GET.get("sku", ""), "delta": None}
        page = Page(
            title=gettext("Adjust stock"),
            answer=gettext("Book"),
            back=self.list_address,
            form=AdjustmentForm(request.POST or None),
            lines=lines_of(AdjustmentLineForm, request, first),
            text=_EXPLAINED,
            further=further_line(AdjustmentLineForm),
        )
        nothing = gettext("An adjustment has at least one line.")
        if request.method == "POST" and is_complete(page, nothing):
            try:
                adjustment = _book(page, request)
                self.message_user(request, gettext("Booked."), messages.SUCCESS)
                return self.to_adjustment(request, adjustment)
            except DomainError as refusal:
                page.refuse(refusal, SENTENCES)
        return show(request, page)

    at_shown = time_column("at", _("When"))
    reason_shown = column(_("Reason"), lambda adjustment: word(adjustment.reason))
    note_shown = column(_("Note"), lambda adjustment: in_brief(adjustment.note))

    @admin.display(description=_("What it changed"))
    def lines(self, adjustment: Adjustment) -> str:
        _, lines = queries.adjustment(adjustment.id)
        if not lines:
            return gettext("Nothing: all counts are right.")
        products = Product.objects.in_bulk([line.product for line in lines])
        text = gettext("{}: {}, then {}")
        return "\n".join(
            text.format(products[line.product], signed(line.delta), grouped(line.balance))
            for line in lines
        )


def _book(page: Page, request: Any) -> UUID:
    """Books a complete page. Returns the id of the adjustment. Raises the errors of
    `adjust_stock`."""
    sent, caller = page.form.cleaned_data, caller_of(request)
    reason, note = sent["reason"], sent["note"]
    cells = [line.cleaned_data for line in page.filled]
    lines = [AdjustmentLine(cell["product"], cell["delta"]) for cell in cells]
    once = claim(caller, "adjustment", sent["form_key"], lines, reason, note)
    cause = adjustments.Cause(reason, note)
    return adjustments.adjust_stock(lines, cause, caller=caller, now=now(), claim=once)[0]


def _link(page: str, key: Any, text: str) -> str:
    return format_html('<span class="breakable">{}</span>', change_link(page, key, text))


@admin.register(LedgerEntry)
class LedgerEntryAdmin(RecordAdmin):
    """Ledger entries, the newest first, or those of a product (index ledger_entry_history)."""

    fields = ("at_shown", "product_shown", "cause_shown", "available", "committed", "by")
    list_display_links = None
    list_display = (
        *("at_shown", "product_shown", "cause_shown", "note_shown", "order_shown"),
        *("available", "committed", "by"),
    )
    search_fields = ("product__product__sku",)
    search_help_text = _("The SKU or the barcode of a product")

    def get_queryset(self, request: Any) -> Any:
        """Adds what caused each entry: the `order` of its event, null for users who may not see
        orders, and the `note` of its adjustment. The reference of an opening is no UUID."""
        named = Case(When(reference__contains="-", then=Cast("reference", UUIDField())))
        events = OrderEvent.objects.filter(id=OuterRef("named"))
        if not request.user.has_perm("orders.view_order"):
            events = events.none()
        noted = Adjustment.objects.filter(id=OuterRef("named"))
        rows = super().get_queryset(request).select_related("product__product").alias(named=named)
        return rows.annotate(
            order=Subquery(events.values("order")),
            number=Subquery(events.values("order__number")),
            note=Subquery(noted.values("note")),
        )

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> Any:
        if search_term:
            queryset = queryset.filter(
                product_id__in=catalog.ids_by_code(search_term, archived=True)
            )
        return queryset, False

    at_shown = time_column("at", _("When"))
    product_shown = column(
        _("Product"),
        lambda entry: _link("catalog_product", entry.product_id, str(entry.product.product)),
    )
    cause_shown = column(_("Cause"), lambda entry: word(entry.cause))
    note_shown = column(_("Note"), lambda entry: in_brief(entry.note))

    @admin.display(description=_("Order"))
    def order_shown(self, entry: Any) -> str:
        return _link("orders_order", entry.order, f"#{entry.number}") if entry.order else "–"

    available = column(
        _("Available"), lambda entry: _step(entry.available_change, entry.available_after)
    )
    committed = column(
        _("Reserved for orders"), lambda entry: _step(entry.committed_change, entry.committed_after)
    )


def _step(change: int, after: int) -> str:
    return in_one_line(f"{signed(change)} → {grouped(after)}" if change else grouped(after))
