"""The screens of adjustments: staff correct stock with one reason, up to a hundred products.

A line shows the figures of its product as soon as the SKU is entered (product_choice.py).
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext

from larder.catalog.models import Product
from larder.core.clock import now
from larder.core.errors import DomainError
from larder.core.limits import MAX_STOCK
from larder.db.idempotency import RETENTION, Claim, Scope, fingerprint
from larder.inventory import queries
from larder.inventory.models import Adjustment, Stock
from larder.inventory.services import adjustments
from larder.inventory.services.adjustments import PERMISSION, AdjustmentLine
from larder.staff.base import ReadOnlyAdmin
from larder.staff.formatting import (
    column,
    grouped,
    in_one_line,
    moment,
    signed,
    the_shop,
    with_actor_name,
)
from larder.staff.inventory.counting import CountableStock
from larder.staff.language import gettext_lazy as _
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
from larder.staff.product_choice import (
    UNKNOWN,
    OfferedProducts,
    ProductLineForm,
    is_complete,
    sku_field,
)
from larder.staff.recording import caller_of
from larder.staff.refusals import Sentence
from larder.staff.words import word

REASONS = ("received", "counted", "damaged", "lost", "correction")
"""The reasons that staff can select. The API accepts any word."""

SENTENCES: Mapping[str, Sentence] = {
    "insufficient_stock": Sentence(
        "delta", _("Only {available} are available: {requested} cannot be removed.")
    ),
    "count_below_committed": Sentence(
        "counted",
        _(
            "{committed} units are promised to customers and must still be on the shelf, but only "
            "{counted} were counted."
        ),
    ),
    "stock_limit_exceeded": Sentence("delta", _("No product can have more than {limit} units.")),
    "unknown_product": Sentence("sku", UNKNOWN),
}


def _reasons() -> list[tuple[str, str]]:
    return [("", gettext("Select")), *((code, capfirst(word(code))) for code in REASONS)]


class AdjustmentForm(PageForm):
    """The reason of an adjustment, and a note."""

    reason = choice(
        _("Reason"),
        _reasons,
        help_text=_("Why the stock changes. The ledger has it."),
    )
    note = long_text(
        _("Note"),
        help_text=_("For the shop, such as the number of a delivery note. The ledger has it."),
    )


class AdjustmentLineForm(ProductLineForm):
    """A product, with the change of its units or their counted number."""

    sku = sku_field(_("SKU"), "inventory_adjustment")
    delta = whole(_("Change"), least=-MAX_STOCK, most=MAX_STOCK, required=False)
    counted = whole(_("Or counted"), least=0, most=MAX_STOCK, required=False)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not self.errors and (given["delta"] is None) == (given["counted"] is None):
            self.add_error("delta", gettext("Give either a change or a count."))
        elif given.get("delta") == 0:
            self.add_error("delta", gettext("A change of 0 needs no adjustment."))
        return given

    def line(self) -> AdjustmentLine:
        """Returns the adjustment of a valid line."""
        given = self.cleaned_data
        return AdjustmentLine(given["product"], given["delta"], given["counted"])


_EXPLAINED = _(
    "Change: units received (12) or removed (-3). Counted: all units on the shelf, including "
    "units reserved for orders. Empty lines are ignored."
)


@admin.register(Adjustment)
class AdjustmentAdmin(CountableStock, OfferedProducts, ReadOnlyAdmin):
    """Corrections of stock. They are added here and never changed."""

    fields = ("at_shown", "reason_shown", "by", "note", "lines")
    list_display = ("at_shown", "reason_shown", "by", "note_shown")
    ordering = ("-id",)
    sortable_by = ()

    def get_queryset(self, request: Any) -> Any:
        return with_actor_name(super().get_queryset(request))

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
            back=reverse("admin:inventory_adjustment_changelist"),
            form=AdjustmentForm(request.POST or None),
            lines=lines_of(AdjustmentLineForm, request, first),
            text=_EXPLAINED,
            further=further_line(AdjustmentLineForm),
        )
        nothing = gettext("An adjustment has at least one line.")
        if request.method != "POST" or not is_complete(page, nothing):
            return show(self, request, page)
        try:
            adjustment = _book(page, request)
        except DomainError as refusal:
            page.refuse(refusal, SENTENCES)
            return show(self, request, page)
        self.message_user(request, gettext("Booked."), messages.SUCCESS)
        if not self.has_view_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        return HttpResponseRedirect(self.change_address(adjustment))

    def may_choose_products(self, request: Any) -> bool:
        return bool(request.user.has_perm(PERMISSION))

    def figures(self, stock: Stock) -> str:
        text = gettext("{}: {} available, {} reserved for orders, {} on the shelf")
        units = (stock.available, stock.committed, stock.available + stock.committed)
        return text.format(stock.product.name, *map(grouped, units))

    at_shown = column(_("When"), lambda adjustment: in_one_line(moment(adjustment.at)))
    reason_shown = column(_("Reason"), lambda adjustment: word(adjustment.reason))
    by = column(_("By"), lambda adjustment: adjustment.actor_name or the_shop())
    note_shown = column(_("Note"), lambda adjustment: in_brief(adjustment.note))

    @admin.display(description=_("What it changed"))
    def lines(self, adjustment: Adjustment) -> str:
        lines = queries.adjustment(adjustment.id).lines
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
    sent, caller, moment = page.form.cleaned_data, caller_of(request), now()
    reason, note = sent["reason"], sent["note"]
    lines = [line.line() for line in page.filled if isinstance(line, AdjustmentLineForm)]
    content = fingerprint(
        [(line.product, line.delta, line.counted) for line in lines], reason, note
    )
    scope = Scope(caller.public_id, "POST admin/adjustment", str(sent["form_key"]))
    claim = Claim(scope, content, expires_at=moment + RETENTION)
    cause = adjustments.Cause(reason, note)
    return adjustments.adjust_stock(lines, cause, caller=caller, now=moment, claim=claim)[0]
