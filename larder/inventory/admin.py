"""The staff screens of stock, its ledger and adjustments, and of products with their stock.

Products are registered here and not in the catalogue's admin: adding one books its opening
stock, its screen shows what is there, and the catalogue stands below and may not know inventory.
"""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.apps import apps
from django.contrib import admin, messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from larder.catalog import queries as catalog
from larder.catalog.admin import ProductAdmin, ProductForm, ProductResource, containing
from larder.common import exports
from larder.common.admin import (
    ReadOnlyAdmin,
    RefusableForm,
    Sentence,
    ServiceAdmin,
    button,
    moment,
    with_actor_name,
)
from larder.common.clock import now
from larder.common.idempotency import RETENTION, Claim, Scope, fingerprint
from larder.common.ids import new_id
from larder.inventory import queries
from larder.inventory.models import MOST_STOCK, Adjustment, LedgerEntry, Stock
from larder.inventory.services import adjustments, products
from larder.inventory.services.adjustments import AdjustmentLine

REASONS = ("received", "counted", "damaged", "lost", "correction")
"""The reasons staff choose from; the API takes any word."""

SENTENCES: Mapping[str, Sentence] = {
    "insufficient_stock": Sentence(
        "delta", "Only {available} are available: {requested} cannot be taken away."
    ),
    "count_below_committed": Sentence(
        "counted",
        "{committed} units are promised to customers and must still be on the shelf: "
        "{counted} is less.",
    ),
    "stock_limit_exceeded": Sentence(None, "No product can have more than {limit} units."),
    "unknown_product": Sentence("sku", "No product has this SKU."),
}


def stock_address(product: int) -> str:
    """Where a product's stock is shown."""
    return reverse("admin:inventory_stock_change", args=[product])


class _StockLinks(ServiceAdmin):
    """The ways from a product or its stock to the ledger and to an adjustment."""

    def has_adjust_permission(self, request: Any, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("inventory.add_adjustment"))

    @button("Adjust stock", permissions=["adjust"], url_path="adjust", icon="add_notes")
    def adjust_stock(self, request: Any, object_id: str) -> HttpResponse:
        """On to the form, for this product."""
        return self._onwards("admin:inventory_adjustment_add", request, object_id, "sku")

    def has_ledger_permission(self, request: Any, object_id: Any = None) -> bool:
        """A method: a permission named with its app would be looked up by the system checks,
        and a server could not start while the database is away."""
        return bool(request.user.has_perm("inventory.view_ledgerentry"))

    @button("Ledger", permissions=["ledger"], icon="receipt_long")
    def ledger(self, request: Any, object_id: str) -> HttpResponse:
        """On to the entries of this product."""
        return self._onwards("admin:inventory_ledgerentry_changelist", request, object_id, "q")

    def _onwards(self, name: str, request: Any, object_id: str, parameter: str) -> HttpResponse:
        found = self.get_object(request, object_id)
        if found is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[no-any-return]
        sku = found.product.sku if isinstance(found, Stock) else found.sku
        return HttpResponseRedirect(reverse(name, query={parameter: sku}))


class StockedProductForm(ProductForm):
    """A product and, where it is new, its opening stock."""

    quantity = forms.IntegerField(
        label="Opening stock",
        min_value=0,
        max_value=MOST_STOCK,
        initial=0,
        help_text="Units on the shelf. Later changes are adjustments.",
        widget=UnfoldAdminIntegerFieldWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            del self.fields["quantity"]


class StockedProductResource(ProductResource):
    """The columns of an export of products, and how many can be ordered."""

    available = exports.number("stock__available", "available")


@admin.register(apps.get_model("catalog", "Product"))
class StockedProductAdmin(ProductAdmin, _StockLinks):
    """Products with their stock."""

    form = StockedProductForm
    resource_classes = [StockedProductResource]
    add_fieldsets = (*ProductAdmin.fieldsets, ("Stock", {"fields": ("quantity",)}))
    facts = ("available", "committed", *ProductAdmin.facts)
    list_display = (*ProductAdmin.list_display, "available", "committed")
    list_select_related = (*ProductAdmin.list_select_related, "stock")
    actions_detail = ("adjust_stock", "ledger", "archive")

    def get_fieldsets(self, request: Any, obj: Any = None) -> Any:
        return self.add_fieldsets if obj is None else super().get_fieldsets(request, obj)

    def create(self, request: Any, form: ProductForm) -> int:
        """Adds the product with its opening stock, booked in the name of the member of staff."""
        made = products.create_stocked_product(
            form.all_fields(),
            quantity=form.cleaned_data["quantity"],
            actor=request.user.public_id,
            now=now(),
        )
        return made.id

    @admin.display(description="Available")
    def available(self, product: Any) -> int:
        return int(product.stock.available)

    @admin.display(description="Committed")
    def committed(self, product: Any) -> int:
        return int(product.stock.committed)


class SoldOutFilter(admin.SimpleListFilter):
    """Nothing left to order."""

    title = "availability"
    parameter_name = "sold_out"

    def lookups(self, request: Any, model_admin: Any) -> Any:
        return [("yes", "Sold out"), ("no", "In stock")]

    def queryset(self, request: Any, queryset: Any) -> Any:
        wanted = {"yes": {"available": 0}, "no": {"available__gt": 0}}
        return queryset.filter(**wanted.get(self.value() or "", {}))


class StockResource(exports.Columns):
    """The columns of an export of stock."""

    sku = exports.text("product__sku", "sku")
    name = exports.text("product__name", "name")
    available = exports.number("available")
    committed = exports.number("committed")
    on_shelf = exports.computed("on_shelf")

    def dehydrate_on_shelf(self, stock: Stock) -> int:
        return stock.available + stock.committed


@admin.register(Stock)
class StockAdmin(exports.BoundedExport, _StockLinks, ReadOnlyAdmin):
    """How many units there are. Changed by orders and adjustments alone."""

    resource_classes = [StockResource]
    fields = ("product", "available", "committed", "on_shelf")
    list_display = ("sku", "name", "available", "committed", "on_shelf")
    list_display_links = ("sku", "name")
    list_select_related = ("product",)
    list_filter = (SoldOutFilter,)
    search_fields = ("product__search_text",)
    search_help_text = "Words in name or SKU"
    ordering = ("-product_id",)
    sortable_by = ()
    actions_detail = ("adjust_stock", "ledger")

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).select_related("product")

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> Any:
        return containing(queryset, search_term, "product__"), False

    @admin.display(description="SKU")
    def sku(self, stock: Stock) -> str:
        return stock.product.sku

    @admin.display(description="Name")
    def name(self, stock: Stock) -> str:
        return stock.product.name

    @admin.display(description="On the shelf")
    def on_shelf(self, stock: Stock) -> int:
        return stock.available + stock.committed


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    """Why stock is what it is, newest first; by SKU, through the index ledger_entry_history."""

    fields = (
        "at_shown",
        "product",
        "cause",
        "available_change",
        "committed_change",
        "available_after",
        "committed_after",
        "reference",
        "by",
    )
    list_display = (
        "at_shown",
        "sku",
        "cause",
        "available_change",
        "committed_change",
        "available_after",
        "committed_after",
        "by",
    )
    list_select_related = ("product__product",)
    search_fields = ("product__product__sku",)
    search_help_text = "The SKU of a product"
    ordering = ("-id",)
    sortable_by = ()

    def get_queryset(self, request: Any) -> Any:
        entries = super().get_queryset(request).select_related("product__product")
        return with_actor_name(entries)

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> Any:
        sku = search_term.strip()
        if sku:
            queryset = queryset.filter(product_id__in=catalog.ids_by_sku([sku]).values())
        return queryset, False

    @admin.display(description="When")
    def at_shown(self, entry: LedgerEntry) -> str:
        return moment(entry.at)

    @admin.display(description="SKU")
    def sku(self, entry: LedgerEntry) -> str:
        return entry.product.product.sku

    @admin.display(description="By")
    def by(self, entry: Any) -> str:
        return entry.actor_name or "the shop"


class AdjustmentForm(RefusableForm):
    """A correction of one product's stock. `form_key` makes a second click no second booking."""

    sentences = SENTENCES
    sku = forms.CharField(label="SKU", max_length=64, widget=UnfoldAdminTextInputWidget)
    delta = forms.IntegerField(
        label="Change",
        required=False,
        min_value=-MOST_STOCK,
        max_value=MOST_STOCK,
        help_text="Units that came (12) or went (-3).",
        widget=UnfoldAdminIntegerFieldWidget,
    )
    counted = forms.IntegerField(
        label="Or counted",
        required=False,
        min_value=0,
        max_value=MOST_STOCK,
        help_text="Everything found on the shelf, promised units included.",
        widget=UnfoldAdminIntegerFieldWidget,
    )
    reason = forms.ChoiceField(
        choices=[("", "Select"), *((one, one.capitalize()) for one in REASONS)],
        widget=UnfoldAdminSelectWidget,
    )
    form_key = forms.UUIDField(widget=forms.HiddenInput, initial=new_id)

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        self._find_product(given.get("sku"))
        if not self.errors and (given["delta"] is None) == (given["counted"] is None):
            self.add_error("delta", "Give either a change or a count.")
        elif given.get("delta") == 0:
            self.add_error("delta", "A change of nothing needs no adjustment.")
        return given

    def _find_product(self, sku: str | None) -> None:
        found = catalog.ids_by_sku([sku] if sku else [])
        if sku and not found:
            self.add_error("sku", SENTENCES["unknown_product"].text)
        self.cleaned_data["product"] = found.get(sku or "")

    def line(self) -> AdjustmentLine:
        """What a valid form asks for."""
        given = self.cleaned_data
        return AdjustmentLine(given["product"], given["delta"], given["counted"])


@admin.register(Adjustment)
class AdjustmentAdmin(ServiceAdmin):
    """Corrections of stock: made here, never changed."""

    form = AdjustmentForm
    grants = ("view", "add")
    add_fieldsets = ((None, {"fields": ("sku", "delta", "counted", "reason")}),)
    fields = ("at_shown", "reason", "by", "lines")
    list_display = ("at_shown", "reason", "by")
    ordering = ("-id",)
    sortable_by = ()

    def get_queryset(self, request: Any) -> Any:
        return with_actor_name(super().get_queryset(request))

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def add_view(self, request: Any, form_url: str = "", extra_context: Any = None) -> Any:
        context = {**(extra_context or {}), "show_save_and_continue": False}
        return super().add_view(request, form_url, context)

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001
        moment_now, line, reason = now(), form.line(), form.cleaned_data["reason"]
        scope = Scope(
            request.user.public_id, "POST admin/adjustment", str(form.cleaned_data["form_key"])
        )
        content = fingerprint(line.product, line.delta, line.counted, reason)
        adjusted = adjustments.adjust_stock(
            [line],
            reason=reason,
            actor=request.user.public_id,
            now=moment_now,
            claim=Claim(scope, content, expires_at=moment_now + RETENTION),
        )
        obj.pk, obj.product = adjusted.id, line.product

    def response_add(self, request: Any, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        """To the stock as it is now, for those who may see it."""
        if "_addanother" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        self.message_user(request, "The adjustment is booked.", messages.SUCCESS)
        sees = request.user.has_perm("inventory.view_stock")
        return HttpResponseRedirect(stock_address(obj.product) if sees else reverse("admin:index"))

    @admin.display(description="When")
    def at_shown(self, adjustment: Adjustment) -> str:
        return moment(adjustment.at)

    @admin.display(description="By")
    def by(self, adjustment: Any) -> str:
        return adjustment.actor_name or "the shop"

    @admin.display(description="What it changed")
    def lines(self, adjustment: Adjustment) -> str:
        found = queries.adjustment(adjustment.id).lines
        skus = Stock.objects.values_list("product_id", "product__sku")
        named = dict(skus.filter(product_id__in=[one.product for one in found]))
        told = [f"{named[one.product]}: {one.delta:+,}, then {one.balance:,}" for one in found]
        return "\n".join(told)
