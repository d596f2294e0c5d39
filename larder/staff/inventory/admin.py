"""The staff screens of stock and adjustments. The ledger is in ledger.py, products with their stock
are in products.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import CharField, OuterRef, Subquery, Sum
from django.db.models.functions import Cast
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext

from larder.core.errors import DomainError
from larder.inventory import queries
from larder.inventory.models import Adjustment, LedgerEntry, Stock
from larder.inventory.services.adjustments import PERMISSION
from larder.staff import exports
from larder.staff.base import ReadOnlyAdmin
from larder.staff.catalog.admin import containing
from larder.staff.formatting import (
    grouped,
    in_one_line,
    moment,
    signed,
    the_shop,
    with_actor_name,
)
from larder.staff.inventory.adjustments import (
    SENTENCES,
    AdjustmentForm,
    AdjustmentLineForm,
    book,
    booked_text,
    figures,
    is_complete,
)
from larder.staff.inventory.counting import CountableStock
from larder.staff.inventory.ledger import LedgerEntryAdmin
from larder.staff.inventory.products import (
    StockedProductAdmin,
    StockFilter,
    StockLinks,
    stock_address,
)
from larder.staff.language import gettext_lazy as _
from larder.staff.lists import in_brief
from larder.staff.pages import MORE, Page, empty_lines, reopened, show
from larder.staff.product_choice import OfferedProducts, show_figures
from larder.staff.words import word

__all__ = ["AdjustmentAdmin", "LedgerEntryAdmin", "StockAdmin", "StockedProductAdmin"]


class _OwnStockFilter(StockFilter):
    """The filter in the list of stock itself."""

    available = "available"
    threshold = "product__low_stock_threshold"
    least, step = "product__min_quantity", "product__step"


@admin.register(Stock)
class StockAdmin(exports.BoundedExport, CountableStock, StockLinks, ReadOnlyAdmin):
    """Stock. Only orders and adjustments change it."""

    actions_list = (*exports.BoundedExport.actions_list, *CountableStock.actions_list)
    fields = ("product", "available", "reserved", "on_shelf")
    list_display = ("sku", "name", "available", "reserved", "on_shelf")
    list_display_links = ("sku", "name")
    list_select_related = ("product",)
    list_filter = (_OwnStockFilter,)
    search_fields = ("product__search_text",)
    search_help_text = _("Words in name or SKU, or a barcode")
    ordering = ("-product_id",)
    sortable_by = ()
    actions_detail = ("adjust_stock", "ledger")

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).select_related("product")

    def export_columns(self) -> Mapping[str, exports.Column]:
        return {
            "sku": exports.text("product.sku"),
            "name": exports.text("product.name"),
            "available": exports.number("available"),
            "committed": exports.number("committed"),
            "on_shelf": lambda stock: stock.available + stock.committed,
        }

    def audited_name(self, obj: Any) -> str:
        return f"product:{obj.product_id}"

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> Any:
        return containing(queryset, search_term, "product__"), False

    @admin.display(description=_("SKU"))
    def sku(self, stock: Stock) -> str:
        return stock.product.sku

    @admin.display(description=_("Name"))
    def name(self, stock: Stock) -> str:
        return stock.product.name

    @admin.display(description=_("Reserved for orders"))
    def reserved(self, stock: Stock) -> int:
        return stock.committed

    @admin.display(description=_("On the shelf"))
    def on_shelf(self, stock: Stock) -> int:
        return stock.available + stock.committed


@admin.register(Adjustment)
class AdjustmentAdmin(OfferedProducts):
    """Corrections of stock. They are added here and never changed."""

    fields = ("at_shown", "reason_shown", "by", "note", "lines")
    list_display = ("at_shown", "reason_shown", "line_count", "units", "by", "note_shown")
    ordering = ("-id",)
    sortable_by = ()

    def get_queryset(self, request: Any) -> Any:
        named = with_actor_name(super().get_queryset(request))
        entries = LedgerEntry.objects.filter(reference=Cast(OuterRef("pk"), CharField()))
        change = entries.values("reference").values_list(Sum("available_change"))
        return named.annotate(change=Subquery(change))

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def add_view(self, request: Any, form_url: str = "", extra_context: Any = None) -> Any:
        """Shows a page of lines, and books all of them or none. Then redirects to the stock, if the
        user may see it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        given = {"sku": request.GET.get("sku", ""), "delta": None}
        page = Page(
            title=gettext("Adjust stock"),
            answer=gettext("Book"),
            back=reverse("admin:inventory_adjustment_changelist"),
            form=reopened(AdjustmentForm, request, {}),
            lines=empty_lines(AdjustmentLineForm, request, given),
            text=_EXPLAINED,
            can_grow=True,
        )
        if request.method != "POST" or MORE in request.POST or not is_complete(page):
            return self._show(request, page)
        try:
            made = book(page, request)
        except DomainError as refusal:
            page.refuse(refusal, SENTENCES)
            return self._show(request, page)
        self.message_user(request, booked_text(made), messages.SUCCESS)
        products = [line.product for line in page.filled if line.product]
        return HttpResponseRedirect(_booked_address(request, products))

    def _show(self, request: Any, page: Page) -> HttpResponse:
        show_figures(page, figures)
        return show(self, request, page)

    def may_choose_products(self, request: Any) -> bool:
        return bool(request.user.has_perm(PERMISSION))

    def figures(self, stock: Stock) -> str:
        return figures(stock)

    @admin.display(description=_("When"))
    def at_shown(self, adjustment: Adjustment) -> str:
        return in_one_line(moment(adjustment.at))

    @admin.display(description=_("Reason"))
    def reason_shown(self, adjustment: Adjustment) -> str:
        return word(adjustment.reason)

    @admin.display(description=_("Lines"))
    def line_count(self, adjustment: Adjustment) -> str:
        return grouped(len(adjustment.products))

    @admin.display(description=_("Units"))
    def units(self, adjustment: Any) -> str:
        """Returns the sum of the changes."""
        return signed(adjustment.change or 0)

    @admin.display(description=_("By"))
    def by(self, adjustment: Any) -> str:
        return adjustment.actor_name or the_shop()

    @admin.display(description=_("Note"))
    def note_shown(self, adjustment: Adjustment) -> str:
        return in_brief(adjustment.note)

    @admin.display(description=_("What it changed"))
    def lines(self, adjustment: Adjustment) -> str:
        found = queries.adjustment(adjustment.id).lines
        skus = Stock.objects.values_list("product_id", "product__sku")
        named = dict(skus.filter(product_id__in=[one.product for one in found]))
        text = gettext("{}: {}, then {}")
        return "\n".join(
            text.format(named[one.product], signed(one.delta), grouped(one.balance))
            for one in found
        )


_EXPLAINED = _(
    "Change: units received (12) or removed (-3). Counted: all units on the shelf, including "
    "units reserved for orders. Empty lines are ignored."
)


def _booked_address(request: Any, products: Sequence[int]) -> str:
    """Returns the address of a page that shows the booked lines and that the user may see."""
    if len(products) == 1 and request.user.has_perm("inventory.view_stock"):
        return stock_address(products[0])
    if request.user.has_perm("inventory.view_adjustment"):
        return reverse("admin:inventory_adjustment_changelist")
    return reverse("admin:index")
