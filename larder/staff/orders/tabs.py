"""The tabs above the list of orders: a filter by status, with how many orders each has."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import PAGE_VAR
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext

from larder.core.limits import MAX_COUNTED_ORDERS
from larder.orders.lifecycle import STATUSES
from larder.orders.models import OrderStatus
from larder.orders.queries import sales
from larder.staff.formatting import bounded
from larder.staff.orders.contents import TITLES, state

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


def status_tabs(request: Any, path: str) -> list[dict[str, Any]]:
    """Returns the tabs of the list at this path, which keep its other filters. One statement
    counts, up to MAX_COUNTED_ORDERS a status."""
    is_here = request.path == path
    sent = dict(request.GET.lists()) if is_here else {}
    (chosen, *_) = sent.pop(CHOSEN, [""]) if is_here else [None]
    sent.pop(PAGE_VAR, None)
    counted = sales.count_by_status(STATUSES, limit=MAX_COUNTED_ORDERS)
    numbers = {status: counted[status].orders for status in STATUSES}
    every = min(sum(numbers.values()), MAX_COUNTED_ORDERS)
    shown = [
        (status, state(status), numbers[status])
        for status in ORDER
        if numbers[status] or status in ALWAYS or status == chosen
    ]
    return [
        {
            "title": format_html(TAB, title, bounded(number, MAX_COUNTED_ORDERS)),
            "link": f"{path}?{urlencode(sent | ({CHOSEN: status} if status else {}), doseq=True)}",
            "active": status == chosen,
        }
        for status, title, number in [("", gettext("All"), every), *shown]
    ]
