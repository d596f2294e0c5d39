"""Prints orders: pick lists, packing slips and address labels, of one order or of several.

A print page is HTML for the browser's own print command. An order that has nothing to print is left
out, and the page names it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parseaddr
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, prefetch_related_objects
from django.http import HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext

from larder.core.limits import MAX_PAGE_LINES, MAX_SHOWN_ROWS
from larder.notifications.formatting import amount, day_of, grouped
from larder.orders.lifecycle import DELIVERED, PACKED, PLACED, SHIPPED
from larder.orders.models import Order, OrderLine
from larder.staff.base import ServiceAdmin
from larder.staff.formatting import customer_name, full_name, moment
from larder.staff.orders.contents import address_lines, state
from larder.staff.words import gettext_lazy as _

CONFIRMED = frozenset({PLACED, PACKED, SHIPPED, DELIVERED})


@dataclass(frozen=True, slots=True)
class Print:
    """A kind of print page, and its action in the list. An order is printed in one of the
    `statuses` only."""

    title: str
    action: str
    several: str
    statuses: frozenset[str] = CONFIRMED

    def has(self, order: Order) -> bool:
        return order.status in self.statuses


PRINTS: Mapping[str, Print] = {
    "pick_list": Print(
        _("Pick list"), "print_pick_list", _("Print one pick list"), frozenset({PLACED})
    ),
    "packing_slip": Print(_("Packing slip"), "print_packing_slips", _("Print packing slips")),
    "address_label": Print(_("Address label"), "print_address_labels", _("Print address labels")),
}
"""By the names of their pages."""


def _print_all(screen: Any, request: Any, rows: Any, *, name: str) -> HttpResponse | None:
    orders = list(rows.order_by("number")[:MAX_SHOWN_ROWS])
    return _printed(screen, request, orders, name, screen.list_address)


class PrintableOrders(ServiceAdmin):
    """The print pages, for staff who may see orders."""

    def get_actions(self, request: Any) -> Any:
        own = {
            kind.action: (partial(_print_all, name=name), kind.action, kind.several)
            for name, kind in PRINTS.items()
        }
        return super().get_actions(request) | own

    def get_urls(self) -> list[Any]:
        pages = [
            self.page_at(name.replace("_", "-"), partial(self.print_page, name=name))
            for name in PRINTS
        ]
        return [*pages, *super().get_urls()]

    def print_page(self, request: Any, object_id: str, name: str) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        order = self.shown_object(request, object_id)
        back = self.change_address(order.pk)
        return _printed(self, request, [order], name, back) or HttpResponseRedirect(back)


def _printed(
    screen: ServiceAdmin, request: Any, orders: Sequence[Order], name: str, back: str
) -> HttpResponse | None:
    """Returns the page; None with a message if there is nothing to print, or too much."""
    printed = [order for order in orders if PRINTS[name].has(order)]
    lines = list(_lines(printed)[: MAX_PAGE_LINES + 1])
    if not printed or len(lines) > MAX_PAGE_LINES:
        text = gettext("There is nothing to print: the status is not one for it.")
        if printed:
            text = gettext("Select fewer orders: a print has at most {} lines.")
        screen.message_user(request, text.format(grouped(MAX_PAGE_LINES)), messages.WARNING)
        return None
    context = {
        "title": PRINTS[name].title,
        "kind": name,
        "back": back,
        "left_out": [
            gettext("order {} ({})").format(order.number, state(order.status))
            for order in orders
            if order not in printed
        ],
        "shop": parseaddr(settings.DEFAULT_FROM_EMAIL)[0] or settings.UNFOLD["SITE_TITLE"],
        "numbers": [order.number for order in printed],
        "rows": _to_pick(printed, lines),
        "orders": _with_lines(printed, lines),
    }
    return TemplateResponse(request, "staff/print.html", context)


def prints(order: Order) -> list[dict[str, str]]:
    """Returns the buttons of what can be printed of the order."""
    return [
        {"title": kind.title, "link": reverse(f"admin:orders_order_{name}", args=[order.pk])}
        for name, kind in PRINTS.items()
        if kind.has(order)
    ]


def _lines(orders: Sequence[Order]) -> Any:
    lines = OrderLine.objects.filter(order__in=[order.pk for order in orders])
    return lines.annotate(place=F("product__shelf_place")).order_by("id")


def _with_lines(orders: Sequence[Order], lines: Iterable[OrderLine]) -> list[dict[str, Any]]:
    of: dict[Any, list[OrderLine]] = defaultdict(list)
    for line in lines:
        of[line.order_id].append(line)
    prefetch_related_objects(orders, "customer")
    return [{**_parcel(order), "lines": of[order.pk]} for order in orders]


def _parcel(order: Order) -> dict[str, Any]:
    """Returns what is printed of an order beside its lines. An address without a name begins with
    the customer's, and an order without an address is collected."""
    customer = full_name(order.customer) or customer_name(order.customer)
    address = address_lines(order.ship_to or {}) or [gettext("Collected in the shop")]
    if not (order.ship_to or {}).get("name"):
        address = [customer, *address]
    return {
        "order": order,
        "customer": customer,
        "total": amount(order.total, order.currency),
        "placed": moment(order.placed_at),
        "requested": day_of(order.requested_for) if order.requested_for else "",
        "address": address,
        "is_long": _is_long([*address, customer]),
    }


def _is_long(lines: Sequence[str]) -> bool:
    """Returns whether the lines of an address need smaller letters on a label of 90 mm, which has
    about 38 usual ones in a line. Wide letters have more bytes."""
    return sum(1 + len(line.encode()) // 38 for line in lines) > 9


def _to_pick(orders: Sequence[Order], lines: Iterable[Any]) -> list[dict[str, Any]]:
    """Returns a row for each product, by place: the units of all orders, and how many are for
    which. Products without a place come last."""
    numbers = {order.pk: order.number for order in orders}
    of: dict[int, list[Any]] = defaultdict(list)
    for line in lines:
        of[line.product_id].append(line)
    rows = [
        {
            "place": of_product[0].place,
            "sku": of_product[0].sku,
            "name": of_product[0].name,
            "quantity": sum(line.quantity for line in of_product),
            "parts": sorted((numbers[line.order_id], line.quantity) for line in of_product),
        }
        for of_product in of.values()
    ]
    return sorted(rows, key=lambda row: (not row["place"], row["place"], row["name"], row["sku"]))
