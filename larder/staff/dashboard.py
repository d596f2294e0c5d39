"""The first page of the admin: what is to be done now, and the sales of a period.

Each part is shown with the permission for its rows, and each number is a link to them. Stock is as
`look_at_stock` saw it; the rest is read at once, by an index, up to MAX_COUNTED_ORDERS.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import QuerySet, Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext

from larder.catalog.models import Product
from larder.core.limits import MAX_COUNTED_ORDERS
from larder.db import observations
from larder.identity.models import Customer
from larder.notifications.formatting import amount, day_of, grouped
from larder.orders.models import Order, OrderStatus, RefundDue
from larder.orders.queries import sales
from larder.orders.queries.sales import DaySales
from larder.staff.formatting import ago, bounded, change_link, in_one_line, link, name_of, signed
from larder.staff.lists import shop_zone
from larder.staff.orders.contents import TITLES
from larder.staff.words import gettext_lazy as _

DASHBOARD_ROWS = 10

PERIODS = {"today": (_("Today"), 1), "week": (_("7 days"), 7), "month": (_("30 days"), 30)}

WORK = (*(OrderStatus.PLACED, OrderStatus.PACKED), *(OrderStatus.SHIPPED, OrderStatus.PENDING))

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
    user = request.user
    figures = [*_figures(user, today)]
    parts: dict[str, Any] = {}
    if user.has_perm("orders.view_order"):
        parts |= {"next": _next(), "first_steps": _first_steps(user)}
    if user.has_perm("orders.view_order") and any(map(user.has_perm, MONEY)):
        period = request.GET.get("period", "")
        period = period if period in PERIODS else "week"
        parts |= {"periods": PERIODS.items(), "period": period}
        parts |= _sales(today, *PERIODS[period])
        figures += parts["sold"]
    shown = [figure for figure in figures if figure.number != "0"]
    return {**context, **parts, "figures": shown}


def _first_steps(user: Any) -> list[dict[str, Any]]:
    """Returns what a new shop does first, until it has its first order."""
    if Order.objects.exists():
        return []
    steps = (
        (
            "catalog.add_product",
            "admin:catalog_product_import_file",
            gettext("Add your products"),
            gettext("Import a file, or add them one by one."),
            Product.objects.exists(),
        ),
        (
            "identity.change_customer",
            "admin:identity_customer_add",
            gettext("Invite your colleagues"),
            gettext("With a role each may do what the work needs."),
            Customer.objects.filter(is_staff=True)[:2].count() > 1,
        ),
        (
            "orders.add_order",
            "admin:orders_order_telephone",
            gettext("Take the first order"),
            gettext("By telephone here, or in your app."),
            False,
        ),
    )
    return [
        {"link": reverse(address), "title": title, "text": text, "is_done": is_done}
        for permission, address, title, text, is_done in steps
        if user.has_perm(permission)
    ]


def _next() -> dict[str, Any]:
    """Returns the orders to pack next as a table: a range of the index order_by_status."""
    orders = Order.objects.filter(status=OrderStatus.PLACED).select_related("customer")
    rows = [
        [
            change_link("orders_order", order.pk, f"#{order.number}"),
            name_of(order),
            grouped(order.units),
            ago(order.placed_at),
        ]
        for order in orders.order_by("placed_at", "id")[:DASHBOARD_ROWS]
    ]
    return {"headers": [_("Order"), _("Customer"), _("Units"), _("Placed")], "rows": rows}


def _orders(**filters: Any) -> str:
    return reverse("admin:orders_order_changelist", query=filters)


def _of_days(first: date, last: date) -> dict[str, str]:
    return {"placed_at_from": first.isoformat(), "placed_at_to": last.isoformat()}


def _figures(user: Any, today: date) -> Iterable[Figure]:
    if user.has_perm("orders.view_order"):
        yield from _open_orders()
        yield from _due(today)
    if user.has_perm("orders.view_refunddue"):
        rows = RefundDue.objects.order_by("since", "id")
        oldest = rows.values_list("since", flat=True).first()
        link = reverse("admin:orders_refunddue_changelist")
        yield Figure(gettext("Refunds due"), _counted(rows), link, _oldest(oldest))
    if user.has_perm("catalog.view_product"):
        yield from _stock()


def _counted(rows: "QuerySet[Any]") -> str:
    return bounded(rows[:MAX_COUNTED_ORDERS].count(), MAX_COUNTED_ORDERS)


def _oldest(at: datetime | None) -> str:
    return format_html(gettext("the oldest {}"), ago(at)) if at else ""


def _open_orders() -> Iterable[Figure]:
    counted = sales.count_by_status([*TITLES], limit=MAX_COUNTED_ORDERS)
    for status in WORK:
        number, text = counted[status].orders, _oldest(counted[status].oldest)
        if status == OrderStatus.PLACED:
            placed = Order.objects.filter(status=status).order_by("placed_at", "id")
            sums = placed.only("id", "units")[:MAX_COUNTED_ORDERS].aggregate(units=Sum("units"))
            units = ngettext("{} unit", "{} units", sums["units"] or 0)
            text = format_html("{}, {}", units.format(grouped(sums["units"] or 0)), text)
        shown = bounded(number, MAX_COUNTED_ORDERS)
        yield Figure(TITLES[status], shown, _orders(status__exact=status), text)


def _due(today: date) -> Iterable[Figure]:
    titles = {
        OrderStatus.PLACED: gettext("Due today, to pack"),
        OrderStatus.PACKED: gettext("Due today, to ship"),
    }
    for status, title in titles.items():
        due = Order.objects.filter(requested_for__lte=today, status=status)
        link = _orders(status__exact=status, requested_for_to=today.isoformat())
        yield Figure(title, _counted(due), link, gettext("or overdue"))


def _stock() -> Iterable[Figure]:
    noted = observations.noted("stock")
    for name, title in (("out", gettext("Out of stock")), ("low", gettext("Low stock"))):
        if noted is not None and name in noted.found:
            link = reverse("admin:catalog_product_changelist", query={"stock": name})
            text = format_html(gettext("counted {}"), ago(noted.at))
            yield Figure(title, grouped(int(noted.found[name])), link, text)


def _sales(today: date, period: str, number: int) -> dict[str, Any]:
    """Returns the sales of the last days, and what changed against as many days before."""
    first, before = today - timedelta(days=number - 1), today - timedelta(days=2 * number - 1)
    days = sales.day_sales(first, today, shop_zone())
    former = sales.day_sales(before, first - timedelta(days=1), shop_zone())
    total = _orders_of(first, today, sum(day.orders for day in days))
    revenue, placed, orders = _revenue(days), _placed(days), _orders(**_of_days(first, today))
    earned = amount(revenue, settings.CURRENCY) if revenue else "0"
    titles = [f"{title}, {period}" for title in (gettext("Revenue"), gettext("Orders"))]
    return {
        "heading": gettext("Sales, {} to {}").format(day_of(first), day_of(today)),
        "sold": [
            Figure(titles[0], earned, "#sales", _change(revenue, _revenue(former))),
            Figure(titles[1], grouped(placed), orders, _change(placed, _placed(former))),
        ],
        "days": _days(total, days),
        "best": _best(first, today),
    }


def _revenue(days: Sequence[DaySales]) -> Decimal:
    own = (day.revenue for day in days if day.currency == settings.CURRENCY)
    return sum(own, Decimal(0))


def _placed(days: Sequence[DaySales]) -> Decimal:
    return Decimal(sum(day.orders for day in days))


def _change(present: Decimal, former: Decimal) -> str:
    """Returns a change in percent; nothing if there was nothing before."""
    if former <= 0:
        return ""
    percent = round((present - former) * 100 / former)
    return gettext("{} % against the days before").format(signed(percent))


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


BAR = '<div class="bar">{}<meter aria-hidden="true" max="{}" value="{}"></meter></div>'


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
