"""The staff screens of orders: to look at. What happened to an order is never edited.

Also the admin's first page, because orders stand above everything it shows.
"""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Value
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.decorators import display

from larder.common import exports
from larder.common.admin import ReadOnlyAdmin, amount, moment, with_actor_name
from larder.orders.models import Order, OrderEvent, OrderLine, OrderStatus

LATEST = 10
"""Orders on the first page."""

MOST_COUNTED = 1_000
"""Orders of a day that the first page counts: no index has the times of all orders, so the
newest are looked at, by number."""

LARGEST_NUMBER = 2**63 - 1


class OrderResource(exports.Columns):
    """The columns of an export of orders."""

    number = exports.number("number")
    id = exports.text("id")
    customer = exports.text("customer__username", "customer")
    status = exports.text("status")
    total = exports.price("total")
    currency = exports.text("currency")
    placed_at = exports.moment("placed_at")
    reference = exports.text("reference")
    note = exports.text("note")


class StatusFilter(admin.ChoicesFieldListFilter):
    """Every status but the draft's: a draft is the customer's cart, not an order yet."""

    def choices(self, changelist: Any) -> Any:
        drafts = OrderStatus.DRAFT.label
        return (one for one in super().choices(changelist) if one["display"] != drafts)


@admin.register(Order)
class OrderAdmin(exports.BoundedExport, ReadOnlyAdmin):
    """Orders that were placed, newest first, with what happened to them."""

    resource_classes = [OrderResource]
    change_form_after_template = "orders/admin/order_contents.html"
    fieldsets = (
        (None, {"fields": ("number", "customer", "state", "total_shown", "placed")}),
        ("Delivery", {"fields": ("requested_for", "address", "reference", "note")}),
        ("More", {"fields": ("id", "begun", "changed", "version"), "classes": ("collapse",)}),
    )
    list_display = ("number", "customer", "state", "total_shown", "placed")
    list_filter = (("status", StatusFilter),)
    list_select_related = ("customer",)
    search_fields = ("number",)
    search_help_text = "Number or id of an order, or the user name of a customer"
    ordering = ("-number",)
    sortable_by = ()

    def get_queryset(self, request: Any) -> Any:
        placed = super().get_queryset(request).filter(placed_at__isnull=False)
        return placed.select_related("customer")

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> Any:
        """Each kind of term through its own unique index; customers' orders by order_history."""
        term = search_term.strip().removeprefix("#")
        if not term:
            return queryset, False
        if term.isdecimal() and queryset.filter(number=_number(term)).exists():
            return queryset.filter(number=_number(term)), False
        if (order := _uuid(term)) is not None:
            return queryset.filter(id=order), False
        people = get_user_model()._default_manager.alias(folded=Lower("username"))
        found = people.filter(folded=Lower(Value(term))).values_list("pk", flat=True)
        return queryset.filter(customer_id__in=list(found)), False

    def change_view(
        self, request: Any, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        order = _uuid(object_id)
        contents = {"lines": _lines(order), "history": _history(order)} if order else {}
        return super().change_view(
            request, object_id, form_url, {**(extra_context or {}), **contents}
        )

    @display(  # type: ignore[untyped-decorator]
        description="Status",
        label={
            OrderStatus.PLACED: "info",
            OrderStatus.PACKED: "warning",
            OrderStatus.SHIPPED: "primary",
            OrderStatus.DELIVERED: "success",
            OrderStatus.CANCELLED: "danger",
        },
    )
    def state(self, order: Order) -> str:
        return order.status

    @admin.display(description="Total")
    def total_shown(self, order: Order) -> str:
        return amount(order.total, order.currency)

    @admin.display(description="Placed")
    def placed(self, order: Order) -> str:
        return moment(order.placed_at)

    @admin.display(description="Ship to")
    def address(self, order: Order) -> str:
        parts = order.ship_to or {}
        return "\n".join(f"{name}: {part}" for name, part in parts.items()) or "–"

    @admin.display(description="Begun")
    def begun(self, order: Order) -> str:
        return moment(order.created_at)

    @admin.display(description="Last changed")
    def changed(self, order: Order) -> str:
        return moment(order.updated_at)


def _number(digits: str) -> int:
    """An order's number; one that is too large is nobody's, like zero."""
    number = int(digits[:19])
    return number if len(digits) < 20 and number <= LARGEST_NUMBER else 0


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _lines(order: UUID) -> dict[str, Any]:
    """The table of an order's lines, at most the thousand it can have."""
    lines = OrderLine.objects.filter(order_id=order).select_related("order").order_by("id")
    rows = [
        [
            format_html('<a class="text-link" href="{}">{}</a>', _product(line), line.sku),
            line.name,
            line.quantity,
            line.returned,
            amount(line.unit_price, line.order.currency),
            amount(line.unit_price * line.quantity, line.order.currency),
        ]
        for line in lines
    ]
    headers = ["SKU", "Name", "Quantity", "Returned", "Unit price", "Line total"]
    return {"headers": headers, "rows": rows}


def _product(line: OrderLine) -> str:
    return reverse("admin:catalog_product_change", args=[line.product_id])


def _history(order: UUID) -> dict[str, Any]:
    """The table of an order's events, oldest first."""
    events: Any = with_actor_name(OrderEvent.objects.filter(order_id=order)).order_by("position")
    rows = [
        [
            moment(event.at),
            event.type,
            f"{event.from_status or '–'} → {event.to_status}",
            event.actor_name or "the shop",
            ", ".join(f"{name}: {value}" for name, value in event.data.items()) or "–",
        ]
        for event in events[:MOST_COUNTED]
    ]
    return {"headers": ["When", "What", "Status", "By", "Details"], "rows": rows}


def dashboard(request: Any, context: dict[str, Any]) -> dict[str, Any]:
    """What the first page shows beside the lists: the newest orders, for those who may see them.

    Two short walks along the index of numbers. How many products are sold out, or units
    promised, would each be a scan of the whole stock: no index answers that, and one would make
    every order dearer.
    """
    if not request.user.has_perm("orders.view_order"):
        return context
    placed = Order.objects.filter(placed_at__isnull=False).order_by("-number")
    latest = placed.select_related("customer")[:LATEST]
    return {**context, "today": _placed_today(placed), "latest": _latest(latest)}


def _placed_today(placed: Any) -> str:
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    times = placed.values_list("placed_at", flat=True)[:MOST_COUNTED]
    today = sum(at >= midnight for at in times)
    return f"{today:,} or more" if today == MOST_COUNTED else str(today)


def _latest(orders: Any) -> dict[str, Any]:
    rows = [
        [
            format_html(
                '<a class="text-link" href="{}">{}</a>',
                reverse("admin:orders_order_change", args=[order.pk]),
                order.number,
            ),
            order.customer.username,
            order.status,
            amount(order.total, order.currency),
            moment(order.placed_at),
        ]
        for order in orders
    ]
    return {"headers": ["Number", "Customer", "Status", "Total", "Placed"], "rows": rows}
