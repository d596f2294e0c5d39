"""Finds orders for staff: by words, days, amounts and products.

Each search is a fixed number of statements, and an index bounds the rows that each reads, however
many orders there are. Addresses and references have no such index, which would make every order and
every move slower. They are read row by row, of the newest MAX_SEARCHED_ORDERS of the chosen days.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth import get_user_model
from django.db.models import DateTimeField, F, Func, Q, QuerySet, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Upper
from django.utils.translation import gettext
from unfold.contrib.filters.admin import RangeDateFilter

from larder.catalog.models import Product
from larder.catalog.search import indexed, words
from larder.core.clock import midnight
from larder.core.limits import MAX_CODE_LENGTH, MAX_FOUND_OWNERS, MAX_ID
from larder.db.fields import Fold
from larder.identity.models import SEARCH_TEXT
from larder.identity.queries import SHIP_TO_FIELDS
from larder.orders.models import Order, OrderLine
from larder.staff.formatting import moment
from larder.staff.lists import shop_zone, with_trigrams, with_words

MAX_SEARCHED_ORDERS = 50_000
"""Orders that a search, filter or order without an index reads, the newest."""

MAX_FOUND_ORDERS = 1_000
"""Orders that a search of staff finds, the newest."""

NEWEST = ("-placed_at", "-id")
_UNINDEXED = ("total_from", "total_to", "requested_for_from", "requested_for_to")
_PHONE = KeyTextTransform("phone", "ship_to")
_DELIVERY = Fold(
    Func(
        *(
            Value(" "),
            "reference",
            "tracking_number",
            *(KeyTextTransform(field, "ship_to") for field in SHIP_TO_FIELDS),
        ),
        Func(_PHONE, Value(" -/().+"), Value(""), function="translate", output_field=TextField()),
        function="concat_ws",
        output_field=TextField(),
    )
)
"""Reference, tracking number and address, and the phone number in digits too."""


def search(queryset: "QuerySet[Any]", term: str, request: Any) -> "QuerySet[Any]":
    """Returns the orders of a list that a search finds; without a term, those that its filters and
    its order may read.

    A number, an id or a whole tracking number finds its orders. Otherwise all words have to be in
    what is known of the customer, in the SKU of a product, or in the address, the reference and the
    tracking number of the order. The email address and the names of an account are searched for
    staff who may see customers.
    """
    for exact in _exact(term):
        if queryset.filter(exact).exists():
            return queryset.filter(exact)
    if term:
        people = request.user.has_perm("identity.view_customer")
        return queryset.filter(pk__in=_matching(words(term), _readable(request), people=people))
    (first, *_) = queryset.query.order_by or NEWEST
    indexed = str(first).lstrip("-") == "placed_at"
    if indexed and not any(request.GET.get(name) for name in _UNINDEXED):
        return queryset
    return queryset.filter(_readable(request))


def latest(term: str, *, people: bool, limit: int) -> list[Order]:
    """Returns up to `limit` orders with this number, id or tracking number; otherwise the last
    orders of customers with these words. Reads no addresses."""
    known = Order.objects.select_related("customer").order_by(*NEWEST)
    for exact in _exact(term):
        if orders := list(known.filter(exact)[:limit]):
            return orders
    owners = _newest(_customers(words(term), people=people))[:limit]
    return [order for owner in owners for order in known.filter(customer=owner)[:2]][:limit]


def _exact(term: str) -> Iterator[Q]:
    """Yields conditions that one index each answers, such as order_by_tracking_number."""
    if term.isdecimal() and len(term) < 20 and int(term) <= MAX_ID:
        yield Q(number=int(term))
    with suppress(ValueError):
        yield Q(id=UUID(term))
    if term and len(term) <= MAX_CODE_LENGTH:
        yield Q(pk__in=_tracked(term))


def _tracked(term: str) -> "QuerySet[Any, Any]":
    """Returns the ids of the orders with this tracking number."""
    numbered = Order.objects.exclude(tracking_number="").alias(whole=Upper("tracking_number"))
    return numbered.filter(whole=Upper(Value(term))).values("pk")[:MAX_FOUND_ORDERS]


def _matching(terms: Sequence[str], readable: Q, *, people: bool) -> list[UUID]:
    """Returns the ids of the newest orders that are found.

    Plan: product_search and customer_search; then one statement with a range of
    order_line_search or order_history for each of the products and customers, and a range of
    order_search for the addresses.
    """
    orders = Order.objects.all()
    lines = OrderLine.objects.order_by("-placed_at", "-order")
    parts = [
        with_words(orders.filter(readable), _DELIVERY, terms)
        .order_by(*NEWEST)
        .values_list("pk", "placed_at"),
        *(
            orders.filter(customer=customer).order_by(*NEWEST).values_list("pk", "placed_at")
            for customer in _newest(_customers(terms, people=people))
        ),
        *(
            lines.filter(product=product).values_list("order", "placed_at")
            for product in _newest(_products(terms))
        ),
    ]
    first, *others = [part[:MAX_FOUND_ORDERS] for part in parts]
    if others:
        first = first.union(*others).order_by("-placed_at")[:MAX_FOUND_ORDERS]
    return [order for order, _ in first]


def _newest(rows: "QuerySet[Any]") -> "QuerySet[Any, Any]":
    return rows.order_by("-pk").values_list("pk", flat=True)[:MAX_FOUND_OWNERS]


def _customers(terms: Sequence[str], *, people: bool) -> "QuerySet[Any]":
    """Returns the customers with these words; for words that no index finds, the one of this
    name."""
    known = get_user_model()._default_manager.filter(deleted_at=None)
    if not indexed(terms):
        return known.alias(name=Fold("username")).filter(name=Fold(Value(" ".join(terms))))
    text = SEARCH_TEXT if people else Fold("username")
    return with_trigrams(with_words(known, text, terms), SEARCH_TEXT, terms)


def _products(terms: Sequence[str]) -> "QuerySet[Any]":
    """Returns the products with these words in their SKU; for words that no index finds, none."""
    if not indexed(terms):
        return Product.objects.none()
    skus = with_words(Product.objects.all(), Fold("sku"), terms)
    return with_trigrams(skus, F("search_text"), terms)


def _readable(request: Any) -> Q:
    """Returns the condition of the newest orders that a search may read, up to the last chosen day.
    If there are older ones, `request.older_orders` says so under the list.

    Plan: a range of order_search, to find the first of them and the one before.
    """
    last = request.GET.get("placed_at_to")
    before = Q(placed_at__lt=_day(last, after=1)) if last else Q()
    times = Order.objects.filter(before).order_by(*NEWEST).values_list("placed_at", flat=True)
    oldest, *older = times[MAX_SEARCHED_ORDERS - 1 : MAX_SEARCHED_ORDERS + 1] or [None]
    if older:
        text = gettext("Not all orders older than {} were searched: choose days that end then.")
        request.older_orders = text.format(moment(oldest))
    return before if oldest is None else before & Q(placed_at__gte=oldest)


def _day(text: str, *, after: int = 0) -> datetime:
    """Returns when a day begins, or one `after` it. It is in the format of the language, as the
    filter's own field writes it. Raises ValidationError, OverflowError."""
    day = forms.DateField().clean(text)
    return midnight(day + timedelta(days=after), shop_zone())


class DayFilter(RangeDateFilter):  # type: ignore[misc]
    """Filters by days of the shop's time zone. Both days are included."""

    def queryset(self, request: Any, queryset: Any) -> Any:
        """Returns the rows. Raises ValidationError, OverflowError."""
        ends = (f"{self.field_path}_{end}" for end in ("from", "to"))
        first, last = map(self.used_parameters.get, ends)
        for text, lookup, after in ((first, "gte", 0), (last, "lt", 1)):
            if text:
                at = _day(text, after=after)
                day = at if isinstance(self.field, DateTimeField) else at.date()
                queryset = queryset.filter(**{f"{self.field_path}__{lookup}": day})
        return queryset
