"""Prints orders: pick lists, packing slips and address labels, of one order or of several.

A print page is HTML for the browser's own print command. An order that has nothing to print is left
out, and the page names it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from unicodedata import east_asian_width

from django.contrib import admin, messages
from django.db.models import F
from django.http import HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext

from larder.core.limits import MAX_PAGE_LINES
from larder.orders.lifecycle import DELIVERED, PACKED, PLACED, SHIPPED
from larder.orders.models import Order, OrderLine
from larder.staff.base import ServiceAdmin, button, selected
from larder.staff.formatting import day_of, grouped, moment
from larder.staff.language import gettext_lazy as _
from larder.staff.orders.contents import address_lines
from larder.staff.words import word

CONFIRMED = frozenset({PLACED, PACKED, SHIPPED, DELIVERED})


@dataclass(frozen=True, slots=True)
class Print:
    """A kind of print page. An order is printed in one of the `statuses` only."""

    page: str
    title: str
    nothing: str
    """What is said if there is nothing to print."""

    statuses: frozenset[str] = CONFIRMED
    needs_address: bool = False

    def has(self, order: Order) -> bool:
        """Returns whether the order is printed."""
        addressed = not self.needs_address or address_lines(order.ship_to or {})
        return order.status in self.statuses and bool(addressed)


PICK_LIST = Print(
    "pick_list",
    _("Pick list"),
    _("There is nothing to print here: the status or the address is not one for a pick list."),
    frozenset({PLACED}),
)
PACKING_SLIP = Print(
    "packing_slip",
    _("Packing slip"),
    _("There is nothing to print here: the status or the address is not one for a packing slip."),
)
ADDRESS_LABEL = Print(
    "address_label",
    _("Address label"),
    _("There is nothing to print here: the status or the address is not one for an address label."),
    needs_address=True,
)


class PrintableOrders(ServiceAdmin):
    """The print pages, for staff who may see orders."""

    actions_detail: Any = ("pick_list", "packing_slip", "address_label")
    actions: Any = ("print_pick_list", "print_packing_slips", "print_address_labels")

    @button(_("Pick list"), permissions=["view"], icon="checklist", url_path="pick-list")
    def pick_list(self, request: Any, object_id: str) -> HttpResponse:
        """Shows what to pick for the order."""
        return self._one(request, object_id, PICK_LIST)

    @button(_("Packing slip"), permissions=["view"], icon="receipt_long", url_path="packing-slip")
    def packing_slip(self, request: Any, object_id: str) -> HttpResponse:
        """Shows the slip for the parcel of the order."""
        return self._one(request, object_id, PACKING_SLIP)

    @button(_("Address label"), permissions=["view"], icon="label", url_path="address-label")
    def address_label(self, request: Any, object_id: str) -> HttpResponse:
        """Shows the label for the parcel of the order."""
        return self._one(request, object_id, ADDRESS_LABEL)

    @admin.action(description=_("Print one pick list"), permissions=["view"])
    def print_pick_list(self, request: Any, queryset: Any) -> HttpResponse | None:
        """Shows one list with the units of all selected orders."""
        return self._several(request, queryset, PICK_LIST)

    @admin.action(description=_("Print packing slips"), permissions=["view"])
    def print_packing_slips(self, request: Any, queryset: Any) -> HttpResponse | None:
        """Shows the slips of the selected orders, each on a new page."""
        return self._several(request, queryset, PACKING_SLIP)

    @admin.action(description=_("Print address labels"), permissions=["view"])
    def print_address_labels(self, request: Any, queryset: Any) -> HttpResponse | None:
        """Shows the labels of the selected orders."""
        return self._several(request, queryset, ADDRESS_LABEL)

    def _one(self, request: Any, object_id: str, kind: Print) -> HttpResponse:
        order = self.get_object(request, object_id)
        if order is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[no-any-return]
        back = reverse("admin:orders_order_change", args=[order.pk])
        return self._print(request, [order], kind, back) or HttpResponseRedirect(back)

    def _several(self, request: Any, queryset: Any, kind: Print) -> HttpResponse | None:
        orders = selected(self, request, queryset.order_by("number"))
        back = reverse("admin:orders_order_changelist")
        return self._print(request, orders, kind, back) if orders else None

    def _print(
        self, request: Any, orders: Sequence[Order], kind: Print, back: str
    ) -> HttpResponse | None:
        """Returns the page; None with a message if there is nothing to print, or too much."""
        printed = [one for one in orders if kind.has(one)]
        lines = list(_lines(printed)[: MAX_PAGE_LINES + 1])
        if not printed or len(lines) > MAX_PAGE_LINES:
            too_many = gettext("Select fewer orders: a print has at most {} lines.")
            text = too_many.format(grouped(MAX_PAGE_LINES)) if printed else kind.nothing
            self.message_user(request, text, messages.WARNING)
            return None
        context = {
            "title": kind.title,
            "kind": kind.page,
            "back": back,
            "left_out": [
                gettext("order {} ({})").format(one.number, word(one.status))
                for one in orders
                if one not in printed
            ],
            "numbers": [one.number for one in printed],
            "rows": _to_pick(printed, lines),
            "orders": _with_lines(printed, lines),
        }
        return TemplateResponse(request, "staff/print.html", context)


def prints(order: Order) -> list[dict[str, str]]:
    """Returns the buttons of what can be printed of the order."""
    return [
        {"title": one.title, "link": reverse(f"admin:orders_order_{one.page}", args=[order.pk])}
        for one in (PICK_LIST, PACKING_SLIP, ADDRESS_LABEL)
        if one.has(order)
    ]


def _lines(orders: Sequence[Order]) -> Any:
    lines = OrderLine.objects.filter(order__in=[one.pk for one in orders])
    return lines.annotate(place=F("product__shelf_place")).order_by("id")


def _with_lines(orders: Sequence[Order], lines: Iterable[OrderLine]) -> list[dict[str, Any]]:
    """Returns each order with its address and its lines."""
    of: dict[Any, list[OrderLine]] = defaultdict(list)
    for line in lines:
        of[line.order_id].append(line)
    return [
        {
            "order": one,
            "placed": moment(one.placed_at),
            "requested": day_of(one.requested_for) if one.requested_for else "",
            "address": address_lines(one.ship_to or {}),
            "points": label_points(address_lines(one.ship_to or {})),
            "lines": of[one.pk],
        }
        for one in orders
    ]


_POINTS = (11, 9, 8, 7, 6, 5)
"""The sizes of an address on a label, in points: print.css has a class for each."""

_MM = 25.4 / 72
_LABEL_WIDTH, _LABEL_HEIGHT = 90, 46
"""Of the address, in mm: without the margins and the line below it."""


def label_points(lines: Sequence[str]) -> int:
    """Returns the largest size in which the lines of an address fit their label. Assumes letters of
    0.6 times that size, twice as wide in East Asia.

    >>> label_points(["Mary", "1 Quay", "Bristol", "GB"]), label_points(["x" * 255] * 3)
    (11, 6)
    """
    for points in _POINTS:
        in_a_line = int(_LABEL_WIDTH / (points * 0.6 * _MM))
        rows = sum(1 + _width(line) // in_a_line for line in lines)
        if rows * points * 1.25 * _MM <= _LABEL_HEIGHT:
            return points
    return _POINTS[-1]


def _width(line: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in line)


def _to_pick(orders: Sequence[Order], lines: Iterable[Any]) -> list[dict[str, Any]]:
    """Returns a row for each product, by place: the units of all orders, and how many are for
    which. Products without a place come last."""
    numbers = {one.pk: one.number for one in orders}
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
