"""Names, links, contents and columns, as the admin shows them in the language of the request.
Numbers, amounts and times are in larder/notifications/formatting.py."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Case, OuterRef, QuerySet, Subquery, Value, When
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext

from larder.catalog.fields import DECIMALS, FIELDS, WHOLE
from larder.core.clock import now
from larder.notifications.formatting import decimal, grouped, time_of
from larder.staff.lists import shop_zone
from larder.staff.words import gettext_lazy as _

THE_SHOP, DELETED_ACCOUNT = _("the shop"), _("deleted account")


def signed(number: int) -> str:
    """Returns a change of a whole number."""
    return f"+{grouped(number)}" if number > 0 else grouped(number)


def link(address: str, text: Any) -> str:
    return format_html('<a class="text-link" href="{}">{}</a>', address, text)


def change_link(page: str, key: Any, text: Any) -> str:
    """Returns a link to the form of an object, such as that of `orders_order`."""
    return link(reverse(f"admin:{page}_change", args=[key]), text)


def with_actor_name(rows: "QuerySet[Any]") -> "QuerySet[Any]":
    """Adds `actor_name`, the username of `actor`; null for the system actor."""
    people = get_user_model()._default_manager.filter(public_id=OuterRef("actor"))
    name = Case(When(deleted_at=None, then="username"), default=Value(str(DELETED_ACCOUNT)))
    named: QuerySet[Any] = rows.annotate(actor_name=Subquery(people.values_list(name)[:1]))
    return named


def customer_name(customer: Any) -> str:
    return str(DELETED_ACCOUNT if customer.deleted_at else customer.username)


def full_name(customer: Any) -> str:
    """Returns the first and the last name of a customer, as far as they are known."""
    return f"{customer.first_name} {customer.last_name}".strip()


def name_of(order: Any) -> str:
    """Returns the name of the customer of an order: of the account or else of who receives the
    parcel."""
    receiver = (order.ship_to or {}).get("name", "").strip()
    return full_name(order.customer) or receiver or customer_name(order.customer)


def actor_names(actors: Collection[UUID]) -> dict[UUID, str]:
    """Returns names by public id. The system actor and unknown actors are the shop."""
    people = get_user_model()._default_manager.filter(public_id__in=actors)
    known = {person.public_id: customer_name(person) for person in people.order_by("pk")}
    return {actor: known.get(actor, THE_SHOP) for actor in actors}


AMOUNTS = {"total", *(field.name for field in FIELDS if field.kind in DECIMALS)}
QUANTITIES = {
    *(field.name for field in FIELDS if field.kind is WHOLE),
    *("available", "lines", "quantities", "quantity", "returned", "rows"),
}
"""Fields of products, files and the audit trail whose values are amounts, rates and quantities."""


def field_value(name: str, value: str | int) -> str:
    """Returns the value of a field: an amount, a rate or a quantity in the format of the language,
    others as they are.

    >>> field_value("price", "1.5"), field_value("step", 1200), field_value("barcode", "1200")
    ('1.50', '1,200', '1200')
    """
    if name in AMOUNTS:
        return decimal(Decimal(value))
    return grouped(int(value)) if name in QUANTITIES else str(value)


def contents(units: int, lines: int) -> str:
    """Returns how many units an order has."""
    of_units = ngettext("{} unit", "{} units", units).format(grouped(units))
    of_lines = ngettext("{} line", "{} lines", lines).format(grouped(lines))
    return gettext("{units} in {lines}").format(units=of_units, lines=of_lines)


def moment(at: datetime | None) -> str:
    """Returns a time in the shop's time zone, or a dash."""
    return "–" if at is None else time_of(at, shop_zone())


def bounded(number: int, limit: int) -> str:
    """Returns a count that ends at a limit.

    >>> bounded(12, 1_000), bounded(1_000, 1_000)
    ('12', '1,000+')
    """
    return f"{grouped(number)}+" if number >= limit else grouped(number)


def recent(at: datetime) -> str:
    """Returns a time of a list in one line, as short as it is clear; in full below the pointer."""
    local, today = at.astimezone(shop_zone()), now().astimezone(shop_zone()).date()
    pattern = gettext("%d %b %Y, %H:%M")
    if local.year == today.year:
        pattern = gettext("%d %b, %H:%M")
    if local.date() == today - timedelta(days=1):
        pattern = gettext("Yesterday %H:%M")
    if local.date() == today:
        pattern = gettext("Today %H:%M")
    shown = local.strftime(pattern)
    return format_html('<span class="one-line" title="{}">{}</span>', moment(at), shown)


def ago(at: datetime) -> str:
    """Returns how long ago a time is, in its largest unit; in full below the pointer."""
    minutes = int((now() - at).total_seconds()) // 60
    text = gettext("{} min ago").format(minutes)
    if minutes >= 2 * 24 * 60:
        text = gettext("{} d ago").format(grouped(minutes // 60 // 24))
    elif minutes >= 60:
        text = gettext("{} h ago").format(minutes // 60)
    return format_html('<span class="one-line" title="{}">{}</span>', moment(at), text)


def column(
    title: str, show: Callable[[Any], Any], ordering: Any = None
) -> Callable[[Any, Any], Any]:
    """Returns the method of an admin that shows something of an object. A list is sorted by the
    column or expression `ordering`."""

    @admin.display(description=title, ordering=ordering)
    def method(model_admin: Any, obj: Any) -> Any:
        return show(obj)

    return method


def time_column(name: str, title: str) -> Callable[[Any, Any], Any]:
    return column(title, lambda obj: in_one_line(moment(getattr(obj, name))))


def in_one_line(text: str) -> str:
    """Returns a cell of a list without line breaks."""
    return format_html('<span class="one-line">{}</span>', text)
