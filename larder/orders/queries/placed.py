"""Placed orders, whole."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, F, Q, QuerySet
from django.db.models.expressions import RawSQL

from larder.common.errors import NotFound
from larder.orders.models import Order, OrderLine


@dataclass(frozen=True, slots=True)
class LineView:
    """A line as it was sold. `unit_price` is net; `returned` counts units that came back;
    `ordered` what the quantity was before fewer were picked, and is None where they were not."""

    id: int
    product: int
    sku: str
    name: str
    quantity: int
    unit_price: Decimal
    returned: int = 0
    ordered: int | None = None

    @property
    def line_total(self) -> Decimal:
        """Exact: quantity × unit price."""
        return self.unit_price * self.quantity


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order with its lines in the order they were sent, by ascending id."""

    id: UUID
    number: int
    customer: int
    status: str
    currency: str
    total: Decimal
    note: str
    reference: str
    ship_to: dict[str, Any] | None
    requested_for: date | None
    created_at: datetime
    placed_at: datetime
    updated_at: datetime
    version: int
    lines: list[LineView] = field(default_factory=list)


_ORDER = (
    "id",
    "number",
    "customer_id",
    "status",
    "currency",
    "total",
    "note",
    "reference",
    "ship_to",
    "requested_for",
    "created_at",
    "placed_at",
    "updated_at",
    "version",
)
_LINE = (
    *("order_id", "id", "product_id", "sku", "name"),
    *("quantity", "unit_price", "returned", "ordered"),
)

_PLACED = Q(placed_at__isnull=False)
"""Not a draft: in these words, so that the partial index order_history serves."""


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which placed orders. Everything given must hold; `customer` None means everybody's, of
    `statuses` any one will do, and none of them means all."""

    customer: int | None
    statuses: tuple[str, ...] = ()
    placed_after: datetime | None = None
    placed_before: datetime | None = None
    number: int | None = None
    product: int | None = None
    reference: str | None = None

    @property
    def walked(self) -> str:
        """Whose time the history is walked by: the order's own, or, of a product, that of its
        lines. Both are the same moment; the indexes differ."""
        return "" if self.product is None else "lines__"

    def condition(self) -> Q:
        """The filter as Django's ORM takes it. A draft is nobody's order yet."""
        given = {
            "customer_id": self.customer,
            "status__in": self.statuses or None,
            f"{self.walked}placed_at__isnull": False,
            f"{self.walked}placed_at__gt": self.placed_after,
            f"{self.walked}placed_at__lt": self.placed_before,
            "number": self.number,
            "lines__product_id": self.product,
        }
        condition = Q(**{name: value for name, value in given.items() if value is not None})
        return condition if self.reference is None else condition & _referred(self.reference)

    @property
    def walks(self) -> "list[OrderFilter]":
        """What a page is merged from: where the history is walked by status, no index has the
        orders of two of them in one line."""
        other_ways = (self.product, self.number, self.reference)
        if len(self.statuses) < 2 or other_ways != (None, None, None):
            return [self]
        return [replace(self, statuses=(one,)) for one in self.statuses]


def _referred(reference: str) -> Q:
    """In the words of the indexes too, which have no order without a reference: a plan for any
    reference could not know that this one is not empty."""
    given = RawSQL("\"order\".reference <> ''", (), output_field=BooleanField())
    return Q(given, reference=reference)


@dataclass(frozen=True, slots=True)
class HistoryPosition:
    """Where a page of history begins: behind this order."""

    placed_at: datetime
    id: UUID


def history(
    wanted: OrderFilter, *, after: HistoryPosition | None = None, limit: int
) -> list[OrderView]:
    """Up to `limit` orders, newest first: by (placed_at, id).

    Each filter has an index that ends in these two, so that a page is read where it begins and
    costs the same however many orders there are: order_history (a customer's),
    order_history_by_status, order_history_by_reference, order_search (everybody's),
    order_search_by_status, order_search_by_reference, order_line_search (a product's). Of several
    statuses a page of each is read, and they are merged. docs/performance.md has the figures.
    """
    first, *others = [_page(one, after, limit) for one in wanted.walks]
    if others:
        first = first.union(*others, all=True).order_by("-placed_at", "-id")[:limit]
    return _with_lines(first)


def _page(
    wanted: OrderFilter, after: HistoryPosition | None, limit: int
) -> QuerySet[Order, tuple[Any, ...]]:
    moment, id = _WALKS[wanted.walked]
    page = Order.objects.filter(wanted.condition()).order_by(f"-{moment}", f"-{id}")
    if after is not None:
        page = page.filter(_before(after, wanted.walked))
    return page.values_list(*_ORDER)[:limit]


_WALKS = {"": ("placed_at", "id"), "lines__": ("lines__placed_at", "lines__order_id")}
_BEFORE = {
    "": '("order".placed_at, "order".id) < (%s, %s)',
    "lines__": "(order_line.placed_at, order_line.order_id) < (%s, %s)",
}


def _before(position: HistoryPosition, walked: str) -> RawSQL:
    """A row comparison: an index can be entered in the middle with it, but not with the OR that
    Django would write. Its SQL is one of two literals."""
    given = (position.placed_at, position.id)
    return RawSQL(_BEFORE[walked], given, output_field=BooleanField())  # noqa: S611  # nosec B611


_NUMBER = F("number") + 0
"""The number, but no column of the index on numbers: that one leads through everybody's orders,
270,000 of them (52 ms) to the first of a customer who began late. So the customer's own are
sorted (30 of them: nothing; 30,000: 12 ms), and placing pays for no index more."""


def page(customer: int, *, newest_first: bool, offset: int, limit: int | None) -> list[OrderView]:
    """A customer's placed orders behind the first `offset`: the newest first, by (placed_at, id),
    or by ascending number. `limit` None means all of them."""
    order = ("-placed_at", "-id") if newest_first else (_NUMBER,)
    rows = Order.objects.filter(_PLACED, customer_id=customer).order_by(*order)
    until = None if limit is None else offset + limit
    return _with_lines(rows.values_list(*_ORDER)[offset:until])


def count(wanted: OrderFilter) -> int:
    """How many orders there are in all."""
    return Order.objects.filter(wanted.condition()).count()


def order(order_id: UUID, *, customer: int | None) -> OrderView:
    """A placed order; with `customer` only one of theirs. Raises NotFound."""
    found = orders([order_id])
    if order_id not in found or customer not in (None, found[order_id].customer):
        raise NotFound
    return found[order_id]


def id_by_number(number: int, *, customer: int) -> UUID:
    """The id of a customer's order, placed or the draft. Raises NotFound."""
    rows = Order.objects.filter(number=number, customer_id=customer)
    found = rows.values_list("id", flat=True).first()
    if found is None:
        raise NotFound
    return found


def by_number(number: int, *, customer: int) -> OrderView:
    """A customer's placed order. Raises NotFound."""
    rows = Order.objects.filter(_PLACED, number=number, customer_id=customer)
    found = _with_lines(rows.values_list(*_ORDER))
    if not found:
        raise NotFound
    return found[0]


def orders(order_ids: Collection[UUID]) -> dict[UUID, OrderView]:
    """Placed orders by id; drafts and unknown ids are not in it."""
    rows = Order.objects.filter(_PLACED, id__in=order_ids)
    return {one.id: one for one in _with_lines(rows.values_list(*_ORDER))}


def _with_lines(rows: Collection[tuple[Any, ...]]) -> list[OrderView]:
    lines: dict[UUID, list[LineView]] = defaultdict(list)
    wanted = OrderLine.objects.filter(order_id__in=[row[0] for row in rows]).order_by("id")
    for order_id, *line in wanted.values_list(*_LINE):
        lines[order_id].append(LineView(*line))
    views = [OrderView(*row) for row in rows]
    for view in views:
        view.lines.extend(lines[view.id])
    return views


def existing(order_ids: Collection[UUID]) -> set[UUID]:
    """Those of the ids that are an order's, placed or a draft."""
    return set(Order.objects.filter(id__in=order_ids).values_list("id", flat=True))


@dataclass(frozen=True, slots=True)
class PlacedContent:
    """What was placed under an id: whose, and the fingerprints of its lines and of the rest."""

    customer: int
    lines: bytes
    rest: bytes


def placed_content(order_ids: Sequence[UUID]) -> dict[UUID, PlacedContent]:
    """The content of placed orders, by id."""
    columns = ("id", "customer_id", "lines_fingerprint", "rest_fingerprint")
    rows = Order.objects.filter(_PLACED, id__in=order_ids)
    return {
        row[0]: PlacedContent(row[1], bytes(row[2] or b""), bytes(row[3] or b""))
        for row in rows.values_list(*columns)
    }
