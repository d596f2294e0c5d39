"""The staff screens of orders, to view and move them. Their history is never edited."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import Case, F, OuterRef, Subquery, Sum, When
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext
from unfold.contrib.filters.admin import RangeNumericFilter

from larder.notifications.formatting import amount, day_of, grouped, minor_amount
from larder.orders import payment_state, queries
from larder.orders.lifecycle import HELD
from larder.orders.models import Order, OrderLine, Payment, RefundDue
from larder.orders.payment_state import Kind
from larder.orders.services.payments import RECORD
from larder.staff.base import ReadOnlyAdmin
from larder.staff.formatting import (
    change_link,
    column,
    contents,
    customer_name,
    full_name,
    in_one_line,
    link,
    moment,
    name_of,
    recent,
    time_column,
)
from larder.staff.lists import in_brief, label
from larder.staff.notes import NotableAdmin
from larder.staff.orders.accounting import AccountableOrders
from larder.staff.orders.contents import (
    METHODS,
    PAYMENT_VARIANTS,
    address_lines,
    given,
    order_timeline,
    payment_tables,
    returned_of,
    shown_lines,
    state_label,
    tax_of,
)
from larder.staff.orders.moves import MovableOrders
from larder.staff.orders.placing import PlaceableOrders
from larder.staff.orders.printing import PrintableOrders, prints
from larder.staff.orders.search import NEWEST, DayFilter, search
from larder.staff.orders.tabs import StatusFilter
from larder.staff.words import gettext_lazy as _
from larder.staff.words import word


@admin.register(Order)
class OrderAdmin(
    NotableAdmin,
    MovableOrders,
    PrintableOrders,
    PlaceableOrders,
    AccountableOrders,
    ReadOnlyAdmin,
):
    """Placed orders, the newest first, with their history.

    Each move has a permission. The permission to add orders allows placing them for customers. None
    opens Django's own forms.
    """

    actions_detail = ("note",)
    actions_list = ("telephone", "accounting")
    change_form_outer_before_template = "staff/order_contents.html"
    fieldsets = (
        (_("More"), {"fields": ("id", "begun", "changed", "version"), "classes": ("collapse",)}),
    )
    list_display = (
        *("number", "placed", "whose", "state", "paid"),
        *("units_shown", "total_shown", "requested"),
    )
    list_filter = (
        ("status", StatusFilter),
        ("placed_at", DayFilter),
        ("requested_for", DayFilter),
        ("total", RangeNumericFilter),
    )
    list_filter_submit = True
    list_after_template = "staff/older_orders.html"
    search_fields = ("number",)
    search_help_text = _(
        "Number, tracking number, customer, email, phone, address, reference or SKU"
    )
    ordering = NEWEST
    sortable_by = ("total_shown", "placed", "requested")

    def get_queryset(self, request: Any) -> Any:
        returned = Sum(F("returned") * F("unit_price"))
        lines = OrderLine.objects.filter(order=OuterRef("pk"), returned__gt=0).values("order")
        back = Coalesce(Subquery(lines.values(sum=returned)), Decimal(0))
        return super().get_queryset(request).select_related("customer").annotate(back=back)

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> Any:
        return search(queryset, search_term.strip().removeprefix("#"), request), False

    def render_change_form(self, request: Any, context: Any, *args: Any, **options: Any) -> Any:
        """Shows what staff need next above all else: status, total, next step, lines, delivery."""
        order = queries.order(options["obj"].pk, customer=None)
        refunds = request.user.has_perm("orders.view_refunddue")
        units = sum(line.quantity for line in order.lines)
        note_link = reverse("admin:orders_order_note", args=[order.id])
        context |= {
            "order": order,
            "total": amount(order.total, order.currency),
            "tax": tax_of(order),
            "returned": returned_of(order),
            "content": contents(units, len(order.lines)),
            "status": state_label(order.status),
            "paid": self.paid(options["obj"]),
            "steps": self.steps(request, order),
            "prints": prints(options["obj"]),
            "lines": shown_lines(order),
            "address": address_lines(order.ship_to or {}),
            "facts": self._facts(request, options["obj"]),
            "payments": payment_tables(order, with_refunds=refunds),
            "timeline": order_timeline(order.id),
            "note_link": note_link if self.has_note_permission(request) else "",
        }
        return super().render_change_form(request, context, *args, **options)

    def _facts(self, request: Any, order: Order) -> dict[str, str]:
        """Returns what else is known of the order, by its title."""
        facts = {
            gettext("Customer"): self.account(request, order),
            gettext("Placed"): moment(order.placed_at),
            gettext("Held until"): moment(order.expires_at) if order.status in HELD else "",
            gettext("Requested for"): self.requested(order) if order.requested_for else "",
            gettext("Reference"): order.reference,
            gettext("Note"): order.note,
            gettext("Carrier"): order.carrier,
            gettext("Tracking number"): order.tracking_number,
        }
        return {title: fact for title, fact in facts.items() if fact}

    whose = column(_("Customer"), name_of)

    @admin.display(description=_("Paid"))
    def paid(self, order: Any) -> str:
        """Returns the state of the payments; a dash for an order that needs none."""
        payable = payment_state.payable(order.status, order.total - order.back, order.currency)
        if not payable and order.payments is None:
            return "–"
        state = payment_state.state(order.payments or payment_state.NOTHING, payable)
        shown, variant = word(state.value), PAYMENT_VARIANTS.get(state)
        if state is payment_state.State.OVERPAID:
            shown = gettext("To refund")
        return label(shown, variant) if variant else capfirst(shown)

    def account(self, request: Any, order: Order) -> str:
        """Returns the customer's name, with a link to the account if there is one that the user may
        see."""
        name = full_name(order.customer) or customer_name(order.customer)
        if order.customer.deleted_at or not request.user.has_perm("identity.view_customer"):
            return name
        return change_link("identity_customer", order.customer_id, name)

    state = column(_("Status"), lambda order: state_label(order.status))
    total_shown = column(
        _("Total"),
        lambda order: in_one_line(amount(order.total, order.currency)),
        ordering="total",
    )
    units_shown = column(_("Units"), lambda order: grouped(order.units))
    requested = column(
        _("Requested for"),
        lambda order: in_one_line(day_of(order.requested_for)) if order.requested_for else "",
        ordering="requested_for",
    )
    placed = column(_("Placed"), lambda order: recent(order.placed_at), ordering="placed_at")
    begun = column(_("Begun"), lambda order: moment(order.created_at))
    changed = column(_("Last changed"), lambda order: moment(order.updated_at))


NAMES = ("username", "first_name", "last_name", "deleted_at")
"""What of an account its name needs."""


@admin.register(RefundDue)
class RefundDueAdmin(ReadOnlyAdmin):
    """The refunds that are due, the oldest first, with the last payment of each. A recorded refund
    settles them.

    Plan: a range of the index refund_due_by_age, and the key and the payments of each order.
    """

    fields = ("since_shown", "whose", "order", "customer", "owed", "provider", "transaction")
    list_display = ("since_shown", "whose", "customer", "owed", "provider", "transaction")
    ordering = ("since", "id")

    def get_queryset(self, request: Any) -> Any:
        orders = Order.objects.filter(pk=OuterRef("order"))
        paid = Payment.objects.filter(
            order=OuterRef("order"), currency=OuterRef("currency"), kind=Kind.CAPTURED
        ).order_by("-id")[:1]
        named = Case(When(reference="", then="transaction_id"), default="reference")
        return (
            super()
            .get_queryset(request)
            .annotate(
                number=Subquery(orders.values("number")),
                own_currency=Subquery(orders.values("currency")),
                **{name: Subquery(orders.values(f"customer__{name}")) for name in NAMES},
                paid_by=Subquery(paid.values("provider")),
                paid_as=Subquery(paid.values_list(named)),
            )
        )

    def get_list_display(self, request: Any) -> Any:
        """Returns also the column that settles, for staff who may record payments."""
        columns = super().get_list_display(request)
        return [*columns, "settle"] if request.user.has_perm(RECORD) else columns

    since_shown = time_column("since", _("Since"))

    @admin.display(description=_("Order"))
    def whose(self, refund: Any) -> str:
        """Returns the number of the order, with a link; the id if no order got it."""
        if refund.number is None:
            text = '<span class="breakable">{}</span>: {}'
            return format_html(text, refund.order, gettext("abandoned"))
        return change_link("orders_order", refund.order, f"#{refund.number}")

    customer = column(
        _("Customer"),
        lambda refund: (full_name(refund) or customer_name(refund)) if refund.username else "–",
    )
    provider = column(_("Provider"), lambda refund: METHODS.get(refund.paid_by, refund.paid_by))
    transaction = column(_("Transaction"), lambda refund: in_brief(given(refund.paid_as or "")))

    @admin.display(description=_("Settle"))
    def settle(self, refund: Any) -> str:
        """Returns a link to the page of the refund, which leads back; none for what only a provider
        pays back: that of another currency, or of an abandoned id."""
        if refund.currency != refund.own_currency:
            return "–"
        page = reverse("admin:orders_order_refunded", args=[refund.order])
        return link(f"{page}?next={self.list_address}", gettext("Mark as refunded"))

    owed = column(
        _("To refund"), lambda refund: in_one_line(minor_amount(refund.amount, refund.currency))
    )
