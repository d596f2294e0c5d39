"""The staff screens of products with their stock, and of stock alone.

They are not in the catalogue's admin: adding a product books its opening stock, and its screen
shows the stock, but the catalogue is in a lower layer and does not know inventory.
"""

from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import F
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from larder.core.clock import now
from larder.core.limits import MAX_STOCK
from larder.inventory.models import Stock
from larder.inventory.services import products
from larder.inventory.services.authors import Author
from larder.staff import exports
from larder.staff.base import ReadOnlyAdmin, ServiceAdmin, button
from larder.staff.catalog.admin import (
    ProductAdmin,
    ProductForm,
    containing,
    product_columns,
)
from larder.staff.inventory.counting import CountableStock
from larder.staff.inventory.imports import ImportableProducts
from larder.staff.language import gettext_lazy as _
from larder.staff.pages import Whole
from larder.staff.recording import caller_of


class StockLinks(ServiceAdmin):
    """Buttons from a product or its stock to the ledger and to an adjustment."""

    def has_adjust_permission(self, request: Any, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("inventory.add_adjustment"))

    @button(_("Adjust stock"), permissions=["adjust"], url_path="adjust", icon="add_notes")
    def adjust_stock(self, request: Any, object_id: str) -> HttpResponse:
        """Redirects to the form of an adjustment of this product."""
        return self._onwards("admin:inventory_adjustment_add", request, object_id, "sku")

    def has_ledger_permission(self, request: Any, object_id: Any = None) -> bool:
        """Returns whether the user may see the ledger. It is a method, because the system checks
        would look up a permission given by name, and a server could not start without the
        database."""
        return bool(request.user.has_perm("inventory.view_ledgerentry"))

    @button(_("Ledger"), permissions=["ledger"], icon="receipt_long")
    def ledger(self, request: Any, object_id: str) -> HttpResponse:
        """On to the entries of this product."""
        return self._onwards("admin:inventory_ledgerentry_changelist", request, object_id, "q")

    def _onwards(self, name: str, request: Any, object_id: str, parameter: str) -> HttpResponse:
        row = self.shown_object(request, object_id)
        sku = getattr(row, "product", row).sku
        return HttpResponseRedirect(reverse(name, query={parameter: sku}))


class StockedProductForm(ProductForm):
    """A product and, where it is new, its opening stock."""

    quantity = Whole(
        label=_("Opening stock"),
        min_value=0,
        max_value=MAX_STOCK,
        initial=0,
        help_text=_("Units on the shelf. Later changes are adjustments."),
        widget=UnfoldAdminIntegerFieldWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            del self.fields["quantity"]


class StockFilter(admin.SimpleListFilter):
    """Filters products, or their stock. Low stock is found by the index product_by_low_stock."""

    title = _("stock")
    parameter_name = "stock"
    available = "stock__available"
    threshold = "low_stock_threshold"
    least, step = "min_quantity", "step"

    def lookups(self, request: Any, model_admin: Any) -> Any:
        return [
            ("in", gettext("Available")),
            ("low", gettext("Low stock")),
            ("out", gettext("Out of stock")),
        ]

    def queryset(self, request: Any, queryset: Any) -> Any:
        # As in inventory's sql.IN_STOCK.
        fewest = (F(self.least) + F(self.step) - 1) / F(self.step) * F(self.step)
        filters: dict[str, dict[str, Any]] = {
            "in": {f"{self.available}__gte": fewest},
            "low": {
                f"{self.threshold}__isnull": False,
                f"{self.available}__lte": F(self.threshold),
            },
            "out": {f"{self.available}__lt": fewest},
        }
        return queryset.filter(**filters.get(self.value() or "", {}))


@admin.register(apps.get_model("catalog", "Product"))
class StockedProductAdmin(ImportableProducts, ProductAdmin, StockLinks):
    """Products with their stock."""

    form = StockedProductForm
    actions_list = (*ProductAdmin.actions_list, *ImportableProducts.actions_list)
    add_fieldsets = (*ProductAdmin.fieldsets, (_("Stock"), {"fields": ("quantity",)}))
    facts = ("available", "committed", *ProductAdmin.facts)
    list_display = (*ProductAdmin.list_display, "available", "committed")
    list_filter = (*ProductAdmin.list_filter, StockFilter)
    list_select_related = (*ProductAdmin.list_select_related, "stock")
    actions_detail = ("adjust_stock", "ledger", "archive", "restore")

    def export_columns(self) -> Mapping[str, exports.Column]:
        return {**product_columns(), "available": "stock.available"}

    def get_fieldsets(self, request: Any, obj: Any = None) -> Any:
        return self.add_fieldsets if obj is None else super().get_fieldsets(request, obj)

    def create(self, request: Any, form: ProductForm) -> int:
        """Adds the product with its opening stock, booked in the name of the member of staff."""
        made = products.create_stocked_product(
            form.all_fields(),
            quantity=form.cleaned_data["quantity"],
            author=Author(caller_of(request), now()),
        )
        return made.id

    @admin.display(description=_("Available"))
    def available(self, product: Any) -> int:
        return int(product.stock.available)

    @admin.display(description=_("Reserved for orders"))
    def committed(self, product: Any) -> int:
        return int(product.stock.committed)


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
            "sku": "product.sku",
            "name": "product.name",
            "available": "available",
            "committed": "committed",
            "on_shelf": self.on_shelf,
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
