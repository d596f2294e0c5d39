"""What staff see of a customer below the fields of the account: orders, addresses and notes."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, QuerySet, Sum
from django.urls import reverse
from django.utils.translation import gettext, ngettext

from larder.core.limits import (
    MAX_ADDRESSES,
    MAX_SHOWN_EVENTS,
    MAX_SUMMED_ORDERS,
    SHOWN_ORDERS,
)
from larder.identity import queries
from larder.identity.models import Customer
from larder.identity.queries import PARCEL_FIELDS, AddressRow, latest_notes
from larder.identity.services.audit import customer_name
from larder.orders.models import Order, OrderStatus
from larder.staff.formatting import actor_names, amount, change_link, grouped, in_one_line, moment
from larder.staff.lists import label
from larder.staff.orders.admin import VARIANTS
from larder.staff.orders.contents import address_lines
from larder.staff.words import gettext_lazy as _
from larder.staff.words import word

UNSOLD = (OrderStatus.CANCELLED, OrderStatus.EXPIRED)


def customer_contents(user: Any, customer: Customer) -> dict[str, Any]:
    """Returns the sections of a customer's page; the notes alone for users who may not see
    orders."""
    notes = {"customer_notes": _notes(customer)}
    if not user.has_perm("orders.view_order"):
        return notes
    addresses = queries.addresses(customer.pk, after=None, limit=MAX_ADDRESSES)
    orders = _placed(customer.pk)
    return {
        **notes,
        "customer_orders": _orders_table(orders),
        "customer_sum": _sum(orders),
        "customer_addresses": [_address(address) for address in addresses],
        "new_order": _new_order(customer.pk) if user.has_perm("orders.add_order") else "",
    }


def _notes(customer: Customer) -> dict[str, Any]:
    """Returns the last notes about a customer, and how many they are if there are earlier ones."""
    notes = latest_notes(customer_name(customer.public_id), limit=MAX_SHOWN_EVENTS)
    people = actor_names({note.actor for note in notes.rows})
    rows = [
        {"at": moment(note.at), "by": people[note.actor], "text": note.text} for note in notes.rows
    ]
    return {"rows": rows, "limit": MAX_SHOWN_EVENTS if notes.more else None}


def _placed(customer: int) -> "QuerySet[Order]":
    """Returns the placed orders, newest first: index order_history."""
    return Order.objects.filter(customer_id=customer).order_by("-placed_at", "-id")


def _orders_table(orders: "QuerySet[Order]") -> dict[str, Any]:
    shown = orders.values_list("id", "number", "status", "total", "currency", "placed_at")
    rows = [
        [
            change_link("orders_order", id, f"#{number}"),
            label(word(status), VARIANTS.get(status, "")),
            in_one_line(amount(total, currency)),
            in_one_line(moment(placed_at)),
        ]
        for id, number, status, total, currency, placed_at in shown[:SHOWN_ORDERS]
    ]
    return {"headers": [_("Number"), _("Status"), _("Total"), _("Placed")], "rows": rows}


def _sum(orders: "QuerySet[Order]") -> str:
    """Returns number and sum of the orders in the shop's currency that were not cancelled. Reads at
    most the newest MAX_SUMMED_ORDERS orders."""
    counts = Q(currency=settings.CURRENCY) & ~Q(status__in=UNSOLD)
    sums = orders.only("id", "status", "total", "currency")[:MAX_SUMMED_ORDERS].aggregate(
        read=Count("id"), number=Count("id", filter=counts), total=Sum("total", filter=counts)
    )
    total = amount(sums["total"] or Decimal(0), settings.CURRENCY)
    text = ngettext(
        "{} order, {}, without cancelled and expired ones.",
        "{} orders, {}, without cancelled and expired ones.",
        sums["number"],
    ).format(grouped(sums["number"]), total)
    if sums["read"] < MAX_SUMMED_ORDERS:
        return text
    limit = gettext("Only the last {} orders are counted.").format(grouped(MAX_SUMMED_ORDERS))
    return f"{text} {limit}"


def _address(row: AddressRow) -> dict[str, Any]:
    lines = address_lines({name: getattr(row, name) for name in PARCEL_FIELDS})
    return {"label": row.label, "lines": lines, "phone": row.phone}


def _new_order(customer: int) -> str:
    return reverse("admin:orders_order_telephone", query={"customer": customer})
