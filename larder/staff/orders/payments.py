"""Payments for staff: what was paid of an order, and the list of the refunds that are due.

Records are never edited. Providers and the API write them.
"""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, Subquery
from django.utils.html import format_html
from django.utils.translation import gettext

from larder.core.limits import MAX_SHOWN_ROWS
from larder.orders import payment_state
from larder.orders.models import Order, RefundDue
from larder.orders.queries import OrderView, payments
from larder.staff.base import ReadOnlyAdmin
from larder.staff.formatting import (
    actor_names,
    change_link,
    column,
    in_one_line,
    minor_amount,
    moment,
)
from larder.staff.language import gettext_lazy as _
from larder.staff.words import word


def payment_tables(order: OrderView, *, with_refunds: bool) -> list[dict[str, Any]]:
    """Returns the table of what was paid, and that of the records, the oldest first, if there are
    any. The refunds that are due are shown to those who may see them."""
    summary = _summary(order, with_refunds=with_refunds)
    return [summary] if order.payments is None else [summary, _records(order)]


def _records(order: OrderView) -> dict[str, Any]:
    found = payments.payments(order.id, after=0, limit=MAX_SHOWN_ROWS)
    people = actor_names({one.actor for one in found.rows})
    rows = [
        [
            in_one_line(moment(one.at)),
            word(one.kind),
            in_one_line(minor_amount(one.amount, one.currency)),
            one.provider,
            format_html('<span class="breakable">{}</span>', one.transaction_id),
            people[one.actor],
        ]
        for one in found.rows
    ]
    if found.more:
        limit = gettext("Only the first {} are shown.").format(MAX_SHOWN_ROWS)
        rows.append(["…", "", "", "", "", limit])
    headers = [_("When"), _("What"), _("Amount"), _("Provider"), _("Transaction"), _("By")]
    return {"title": _("Payment records"), "content": {"headers": headers, "rows": rows}}


def _summary(order: OrderView, *, with_refunds: bool) -> dict[str, Any]:
    sums = order.payments or payment_state.NOTHING
    payable = payment_state.payable(order.status, order.kept, order.currency)
    due = minor_amount(payment_state.amount_due(sums, payable), order.currency)
    state = word(payment_state.state(sums, payable).value)
    headers, row = [_("State"), _("Due")], [state, due]
    if with_refunds:
        headers.append(_("To refund"))
        row.append("–" if order.payments is None else _refunds(order))
    return {"title": _("Payment"), "content": {"headers": headers, "rows": [row]}}


def _refunds(order: OrderView) -> str:
    """Returns what is due in each currency."""
    rows = RefundDue.objects.filter(order=order.id).order_by("currency")
    owed = [minor_amount(*one) for one in rows.values_list("amount", "currency")]
    return ", ".join(owed) or "–"


@admin.register(RefundDue)
class RefundDueAdmin(ReadOnlyAdmin):
    """The refunds that are due, the oldest first. A recorded refund settles them.

    Plan: a range of the index refund_due_by_age, and the key of each order.
    """

    fields = ("since_shown", "whose", "order", "owed")
    list_display = ("since_shown", "whose", "owed")
    ordering = ("since", "id")
    sortable_by = ()

    def get_queryset(self, request: Any) -> Any:
        orders = Order.objects.filter(pk=OuterRef("order"))
        return super().get_queryset(request).annotate(number=Subquery(orders.values("number")))

    since_shown = column(_("Since"), lambda refund: in_one_line(moment(refund.since)))

    @admin.display(description=_("Order"))
    def whose(self, refund: Any) -> str:
        """Returns the number of the order, with a link; the id if no order got it."""
        if refund.number is None:
            text = '<span class="breakable">{}</span>: {}'
            return format_html(text, refund.order, gettext("abandoned"))
        return change_link("orders_order", refund.order, refund.number)

    owed = column(
        _("To refund"), lambda refund: in_one_line(minor_amount(refund.amount, refund.currency))
    )
