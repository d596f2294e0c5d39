"""The tabs above the list of orders: a filter by status, with how many orders each has."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import PAGE_VAR
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext

from larder.core.limits import MAX_COUNTED_ORDERS
from larder.orders.lifecycle import STATUSES
from larder.orders.models import OrderStatus
from larder.orders.queries import sales
from larder.staff.formatting import bounded
from larder.staff.words import gettext_lazy as _
from larder.staff.words import word

TITLES: Mapping[str, str] = {
    OrderStatus.PENDING: _("Await payment"),
    OrderStatus.PLACED: _("To pack"),
    OrderStatus.PACKED: _("To ship"),
    OrderStatus.SHIPPED: _("On the way"),
}
"""What has to be done with the orders of a status. Other tabs have the name of their status."""

ALWAYS = {
    *(OrderStatus.PLACED, OrderStatus.PACKED, OrderStatus.SHIPPED),
    *(OrderStatus.DELIVERED, OrderStatus.CANCELLED),
}
"""The others have a tab while there are such orders: many shops never have one."""

ORDER = (*TITLES, *(status for status in STATUSES if status not in TITLES))

TAB = '{} <span class="tab-count">{}</span>'
CHOSEN = "status__exact"


class StatusFilter(admin.ChoicesFieldListFilter):
    """Filters by the status of a tab, which the form of the other filters keeps."""

    template = "staff/status_filter.html"


def tabs(request: Any) -> list[dict[str, Any]]:
    """Returns the tabs for the theme. One statement counts, up to MAX_COUNTED_ORDERS a status."""
    counted = sales.count_by_status(STATUSES, limit=MAX_COUNTED_ORDERS)
    numbers = {status: counted[status].orders for status in STATUSES}
    chosen = request.GET.get(CHOSEN, "")
    every = min(sum(numbers.values()), MAX_COUNTED_ORDERS)
    items = [_tab(request, "", gettext("All"), every, chosen)]
    for status in ORDER:
        if numbers[status] or status in ALWAYS or status == chosen:
            title = TITLES.get(status) or capfirst(word(status))
            items.append(_tab(request, status, title, numbers[status], chosen))
    return [{"models": ["orders.order"], "items": items}]


def _tab(request: Any, status: str, title: str, number: int, chosen: str) -> dict[str, Any]:
    query = request.GET.copy()
    for name in (CHOSEN, PAGE_VAR):
        query.pop(name, None)
    if status:
        query[CHOSEN] = status
    return {
        "title": format_html(TAB, title, bounded(number, MAX_COUNTED_ORDERS)),
        "link": f"?{query.urlencode()}",
        "active": status == chosen,
        "has_permission": True,
    }
