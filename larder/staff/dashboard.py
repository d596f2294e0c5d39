"""The first page of the admin: what is to be done now, and the sales of a period.

Each part is shown with the permission for its rows, and each number is a link to them. Stock is as
`look_at_stock` saw it; the rest is read at once, by an index, up to MAX_LISTED_ROWS.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext

from larder.catalog.models import Product
from larder.core.limits import MAX_LISTED_ROWS
from larder.db import observations
from larder.orders.models import Order, OrderStatus, RefundDue
from larder.orders.queries import sales
from larder.orders.queries.sales import DaySales
from larder.staff.formatting import amount, day_of, grouped, in_one_line, link, moment
from larder.staff.lists import shop_zone
from larder.staff.words import gettext_lazy as _

DASHBOARD_ROWS = 10

PERIODS = {"today": (_("Today"), 1), "week": (_("7 days"), 7), "month": (_("30 days"), 30)}

OPEN = {
    OrderStatus.PLACED: _("To pack"),
    OrderStatus.PACKED: _("To ship"),
    OrderStatus.SHIPPED: _("On the way"),
    OrderStatus.PENDING: _("Await payment"),
}

MONEY = ("orders.export_order", "identity.view_customer")
"""Each of these permissions shows the sales."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its title, its list, and a text below."""

    title: str
    number: str
    link: str
    text: str = ""


def dashboard(request: Any, context: dict[str, Any]) -> dict[str, Any]:
    """Adds to the first page what this member of staff may see (`UNFOLD` in the settings refers to
    it)."""
    today = timezone.localtime(timezone=shop_zone()).date()
    parts: dict[str, Any] = {"figures": list(_figures(request.user, today))}
    if request.user.has_perm("orders.view_order") and any(map(request.user.has_perm, MONEY)):
        period = request.GET.get("period", "")
        period = period if period in PERIODS else "week"
        first = today - timedelta(days=PERIODS[period][1] - 1)
        parts |= {"periods": PERIODS.items(), "period": period, **_sales(first, today)}
    return {**context, **parts}


def _orders(**filters: Any) -> str:
    return reverse("admin:orders_order_changelist", query=filters)


def _of_days(first: date, last: date) -> dict[str, str]:
    return {"placed_at_from": first.isoformat(), "placed_at_to": last.isoformat()}


def _figures(user: Any, today: date) -> Iterable[Figure]:
    if user.has_perm("orders.view_order"):
        yield from _open_orders()
        yield from _due(today)
    if user.has_perm("orders.view_refunddue"):
        yield _refunds()
    if user.has_perm("catalog.view_product"):
        yield from _stock()


def _open_orders() -> Iterable[Figure]:
    for status, title in OPEN.items():
        orders = Order.objects.filter(status=status)
        number = orders[:MAX_LISTED_ROWS].count()
        since = orders.order_by("placed_at", "id").values_list("placed_at", flat=True).first()
        # Shops without payments never have one that awaits it.
        if number or status != OrderStatus.PENDING:
            link = _orders(status__exact=status)
            yield Figure(title, _number(number), link, _oldest_since(since))


def _due(today: date) -> Iterable[Figure]:
    titles = {
        OrderStatus.PLACED: gettext("Due today, to pack"),
        OrderStatus.PACKED: gettext("Due today, to ship"),
    }
    for status, title in titles.items():
        due = Order.objects.filter(requested_for__lte=today, status=status)
        link = _orders(status__exact=status, requested_for_to=today.isoformat())
        number = _number(due[:MAX_LISTED_ROWS].count())
        yield Figure(title, number, link, gettext("or overdue"))


def _refunds() -> Figure:
    rows = RefundDue.objects.order_by("since", "id")
    oldest = rows.values_list("since", flat=True).first()
    since = _oldest_since(oldest)
    link = reverse("admin:orders_refunddue_changelist")
    return Figure(gettext("Refunds due"), _number(rows[:MAX_LISTED_ROWS].count()), link, since)


def _stock() -> Iterable[Figure]:
    noted = observations.noted("stock")
    for name, title in (("out", gettext("Out of stock")), ("low", gettext("Low stock"))):
        if noted is not None and name in noted.found:
            link = reverse("admin:catalog_product_changelist", query={"stock": name})
            number = _number(int(noted.found[name]))
            yield Figure(title, number, link, gettext("at {}").format(moment(noted.at)))


def _oldest_since(at: datetime | None) -> str:
    return gettext("the oldest since {}").format(moment(at)) if at else ""


def _number(number: int) -> str:
    shown = grouped(number)
    return gettext("{} or more").format(shown) if number == MAX_LISTED_ROWS else shown


def _sales(first: date, last: date) -> dict[str, Any]:
    days = sales.day_sales(first, last, shop_zone())
    total = _orders_of(first, last, sum(day.orders for day in days))
    return {
        "heading": gettext("Sales, {} to {}").format(day_of(first), day_of(last)),
        "days": _days(total, days),
        "best": _best(first, last),
    }


def _days(total: str, sales: Sequence[DaySales]) -> dict[str, Any]:
    """Returns the sales as a table: their sums, then each day with a bar, the last day first."""
    headers = [_("Day"), _("Orders"), _("Cancelled"), _("Revenue")]
    most = max((day.orders for day in sales), default=0)
    revenue = {settings.CURRENCY: Decimal(0)}
    for day in sales:
        revenue[day.currency] = revenue.get(day.currency, Decimal(0)) + day.revenue
    rows = [
        [
            gettext("All days"),
            total,
            grouped(sum(day.cancelled for day in sales)),
            ", ".join(amount(value, currency) for currency, value in revenue.items()),
        ],
        *(
            [
                day_of(day.day),
                format_html(BAR, _orders_of(day.day, day.day, day.orders), most, day.orders),
                grouped(day.cancelled),
                in_one_line(amount(day.revenue, day.currency)),
            ]
            for day in reversed(sales)
        ),
    ]
    return {"headers": headers, "rows": rows}


BAR = '{} <meter aria-hidden="true" max="{}" value="{}"></meter>'


def _orders_of(first: date, last: date, number: int) -> str:
    return link(_orders(**_of_days(first, last)), grouped(number))


def _best(first: date, last: date) -> dict[str, Any]:
    """Returns the best sellers as a table. The units link to the orders with the product."""
    sold = sales.best_sellers(first, last, shop_zone(), limit=DASHBOARD_ROWS)
    products = Product.objects.in_bulk([product for product, _ in sold])
    days = _of_days(first, last)
    rows = [
        [
            products[product].name,
            link(_orders(q=products[product].sku, **days), grouped(units)),
        ]
        for product, units in sold
    ]
    return {"headers": [_("Product"), _("Units")], "rows": rows}
