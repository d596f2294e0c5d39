"""Customers, for staff: how they are found, and what is shown of them below the fields of the
account: orders, addresses and notes."""

import re
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import (
    BooleanField,
    Case,
    Count,
    F,
    Func,
    Q,
    QuerySet,
    Sum,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils.translation import gettext, ngettext

from larder.catalog.search import words
from larder.core.limits import MAX_ADDRESSES, MAX_FOUND_OWNERS, SHOWN_ORDERS
from larder.db.fields import Fold
from larder.identity import queries
from larder.identity.models import SEARCH_TEXT, Address, Customer
from larder.identity.queries import PARCEL_FIELDS, lowered
from larder.identity.services.audit import customer_name
from larder.notifications.formatting import amount, grouped
from larder.orders.models import Order, OrderStatus
from larder.staff.formatting import change_link, full_name, in_one_line, recent
from larder.staff.lists import with_trigrams, with_words
from larder.staff.orders.contents import address_lines, state_label, timeline
from larder.staff.words import gettext_lazy as _

MAX_SUMMED_ORDERS = 5_000
"""Orders of a customer that are counted and added up on the customer's page: the newest ones."""

_MARKS = " -/().+"
"""What people write between the digits of a phone number."""

_LEAST_DIGITS = 5


def search(rows: "QuerySet[Any]", term: str, order: tuple[str, ...]) -> "QuerySet[Any]":
    """Returns the customers with all words of `term` in username, email address and names, or with
    a phone number in an address, in this order. The one whose username or email address it is comes
    first.

    Plan: customer_search. A phone number reads every address (a million in about a second).
    """
    typed = words(term)
    matching = with_trigrams(with_words(rows, SEARCH_TEXT, typed), SEARCH_TEXT, typed)
    if callers := _with_phone(term):
        others = matching.order_by("-pk").values_list("pk", flat=True)[:MAX_FOUND_OWNERS]
        matching = rows.filter(pk__in=[*callers, *others])
    folded = matching.alias(folded_name=Fold("username"), folded_mail=Lower("email"))
    mail = Q(folded_mail=lowered(term)) & ~Q(email="")
    is_whole = When(Q(folded_name=Fold(Value(term))) | mail, then=True)
    whole = Case(is_whole, default=False, output_field=BooleanField())
    ordered: QuerySet[Any] = folded.alias(is_whole=whole).order_by("-is_whole", *order)
    return ordered


def digits_of(text: str) -> str:
    """Returns the digits of a phone number; nothing for a text that is no phone number."""
    digits = re.sub(f"[{re.escape(_MARKS)}]", "", text)
    return digits if re.fullmatch(f"[0-9]{{{_LEAST_DIGITS},}}", digits) else ""


def _with_phone(term: str) -> list[int]:
    """Returns the ids of customers with a phone number that has these digits, in an address or as
    their username; none for a text that is no phone number. A zero that begins it may be a country
    code instead."""
    digits = digits_of(term).lstrip("0")
    if len(digits) < _LEAST_DIGITS:
        return []
    output = TextField()
    plain = Func(F("phone"), Value(_MARKS), Value(""), function="translate", output_field=output)
    known = Address.objects.alias(digits=plain).filter(digits__contains=digits)
    named = with_words(Customer.objects.all(), SEARCH_TEXT, [digits])
    named = with_trigrams(named, SEARCH_TEXT, [digits]).order_by("-pk")
    return [
        *known.order_by("-customer").values_list("customer", flat=True)[:MAX_FOUND_OWNERS],
        *named.values_list("pk", flat=True)[:MAX_FOUND_OWNERS],
    ]


def description(customer: Any) -> str:
    """Returns the names and the email address of a customer, such as "Mary Smith · mary"."""
    parts = (full_name(customer), customer.username, customer.email)
    return " · ".join(part for part in parts if part)


UNSOLD = (OrderStatus.CANCELLED, OrderStatus.EXPIRED)


def customer_contents(user: Any, customer: Customer) -> dict[str, Any]:
    """Returns the sections of a customer's page; the notes alone for users who may not see
    orders."""
    notes = {"timeline": timeline(customer_name(customer.public_id))}
    if not user.has_perm("orders.view_order"):
        return notes
    addresses = queries.addresses(customer.pk).page(limit=MAX_ADDRESSES).rows
    orders = _placed(customer.pk)
    new_order = reverse("admin:orders_order_telephone", query={"customer": customer.pk})
    return {
        **notes,
        "customer_orders": _orders_table(orders),
        "customer_sum": _sum(orders),
        "customer_addresses": [_address(address) for address in addresses],
        "new_order": new_order if user.has_perm("orders.add_order") else "",
    }


def _placed(customer: int) -> "QuerySet[Order]":
    """Returns the placed orders, newest first: index order_history."""
    return Order.objects.filter(customer_id=customer).order_by("-placed_at", "-id")


def _orders_table(orders: "QuerySet[Order]") -> dict[str, Any]:
    shown = orders.values_list("id", "number", "status", "total", "currency", "placed_at")
    rows = [
        [
            change_link("orders_order", id, f"#{number}"),
            state_label(status),
            in_one_line(amount(total, currency)),
            recent(placed_at),
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


def _address(row: Any) -> dict[str, Any]:
    lines = address_lines({name: getattr(row, name) for name in PARCEL_FIELDS})
    return {"label": row.label, "lines": lines, "phone": row.phone}
