"""Links, names, amounts and times, as the admin shows them."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import Case, OuterRef, QuerySet, Subquery, Value, When
from django.utils.html import format_html

from larder.core import money
from larder.staff.lists import form_address, shop_zone


def link(address: str, text: Any) -> str:
    """Returns a link in a text or a table."""
    return format_html('<a class="text-link" href="{}">{}</a>', address, text)


def change_link(page: str, key: Any, text: Any) -> str:
    """Returns a link to the form of an object, such as that of `orders_order`."""
    return link(form_address(page, key), text)


DELETED = "deleted account"
"""The name shown for a deleted account, which has no personal data any more."""


def with_actor_name(rows: "QuerySet[Any]") -> "QuerySet[Any]":
    """Adds `actor_name`, the username of `actor`; null for the system actor."""
    people = get_user_model()._default_manager.filter(public_id=OuterRef("actor"))
    name = Case(When(deleted_at=None, then="username"), default=Value(DELETED))
    named: QuerySet[Any] = rows.annotate(actor_name=Subquery(people.values_list(name)[:1]))
    return named


def customer_name(customer: Any) -> str:
    """Returns the name of a customer for staff."""
    return DELETED if customer.deleted_at else str(customer.username)


def actor_names(actors: Collection[UUID]) -> dict[UUID, str]:
    """Returns names by public id. The system actor and unknown actors are "the shop"."""
    people = get_user_model()._default_manager.filter(public_id__in=actors)
    known = {one.public_id: customer_name(one) for one in people.order_by("pk")}
    return {actor: known.get(actor, "the shop") for actor in actors}


def amount(value: Decimal, currency: str) -> str:
    """Returns an amount for staff.

    >>> amount(Decimal("2.200"), "GBP")
    '2.20 GBP'
    """
    return f"{money.text(value)} {currency}"


def counted(number: int, what: str) -> str:
    """Returns a number with its unit.

    >>> counted(1, "line"), counted(2_000, "unit")
    ('1 line', '2,000 units')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def moment(at: datetime | None) -> str:
    """Returns a time in the shop's time zone, or a dash."""
    return "–" if at is None else f"{at.astimezone(shop_zone()):%d %b %Y, %H:%M}"


def in_one_line(text: str) -> str:
    """Returns a cell of a list without line breaks."""
    return format_html('<span class="one-line">{}</span>', text)
