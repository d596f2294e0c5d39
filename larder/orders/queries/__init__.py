"""The queries of orders return plain data, not models. Here: placed orders with their lines, events
and payments."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.db.models import F, Q
from msgspec import Struct

from larder.core.errors import NotFound
from larder.core.ids import SYSTEM_ACTOR
from larder.core.limits import MAX_ID, PAGE_ROWS
from larder.core.money import Amount, amounts
from larder.core.parts import Part, first
from larder.db import database
from larder.identity.caller import Caller
from larder.orders.models import Order, OrderEvent, OrderLine, Payment, RefundDue
from larder.orders.payment_state import NOTHING, Balances, Record, payable
from larder.orders.sql import payments as payments_sql
from larder.orders.sql import reads, writes

ORDERS_OF_A_PART = 100
"""Orders of a part, with at most 5,000 lines together."""


class LineView(Struct, frozen=True):
    """A line of a placed order, as the model has it. `unit_price` includes tax."""

    id: int
    product: int
    sku: str
    name: str
    quantity: int
    unit_price: Decimal
    returned: int = 0
    ordered: int | None = None
    tax_rate: Decimal | None = None

    @property
    def line_total(self) -> Decimal:
        """Exact: quantity × unit price."""
        return self.unit_price * self.quantity


class OrderView(Struct, frozen=True):
    """An order with its lines in the order in which they were sent, by ascending id. `payments` are
    the sums of its payments, None without any."""

    id: UUID
    number: int
    customer: int
    status: str
    currency: str
    total: Decimal
    note: str
    reference: str
    requested_for: date | None
    created_at: datetime
    placed_at: datetime
    updated_at: datetime
    version: int
    expires_at: datetime | None
    ship_to: dict[str, Any] | None
    lines: list[LineView]
    payments: Balances | None = None
    carrier: str = ""
    tracking_number: str = ""

    @property
    def unreturned_total(self) -> Decimal:
        """The exact sum of the lines without returned units."""
        back = [line.unit_price * line.returned for line in self.lines if line.returned]
        return self.total - sum(back, Decimal(0)) if back else self.total

    @property
    def amounts(self) -> list[Amount]:
        """What each line counts in the books (larder/core/money.py), with returned units."""
        return amounts([(line.line_total, line.tax_rate) for line in self.lines], self.currency)

    @property
    def sums(self) -> Balances:
        """The sums of its payments."""
        return self.payments or NOTHING

    @property
    def payable(self) -> int:
        """What the customer has to pay for it, in minor units."""
        return payable(self.status, self.unreturned_total, self.currency)


def view_of_row(row: Order, lines: list[LineView]) -> OrderView:
    """Returns a locked order as it is now, with its lines."""
    own: dict[str, Any] = {"customer": row.customer_id, "status": str(row.status), "lines": lines}
    names = OrderView.__struct_fields__
    return OrderView(**{name: own[name] if name in own else getattr(row, name) for name in names})


order_in = msgspec.json.Decoder(OrderView)
"""Reads the JSON of `reads.with_lines`."""


def _read(statement: str, parameters: Sequence[Any]) -> list[OrderView]:
    """Returns the orders that a statement of `ORDERS` finds, in its order, with their lines."""
    rows = database.rows(reads.with_lines(statement), parameters)
    return [order_in.decode(order) for (order,) in rows]


def _first_part(statement: str, parameters: Sequence[Any], *, limit: int) -> Part[OrderView]:
    """Returns up to `limit` of the orders that a statement of `ORDERS` finds, as `_read` does: at
    least one, and as many as have up to `MAX_PAGE_LINES` lines. The statement must find
    `limit + 1`."""
    rows = database.rows(reads.first_part(statement), [*parameters, limit])
    views = [order_in.decode(order) for order, _ in rows]
    return Part(views, more=bool(rows) and rows[0][1] > len(rows))


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Conditions of placed orders, all of which must hold. `customer` None means all customers, and
    no `statuses` all of them."""

    customer: int | None
    statuses: tuple[str, ...] = ()
    placed_after: datetime | None = None
    placed_before: datetime | None = None
    number: int | None = None
    product: int | None = None
    reference: str | None = None

    @property
    def walk(self) -> reads.Walk:
        """How the history is read: by orders, or for a product by its lines."""
        return reads.BY_ORDER if self.product is None else reads.BY_LINE

    def conditions(self) -> tuple[str, list[Any]]:
        """Returns the WHERE clause and its parameters."""
        walk = self.walk
        conditions = [
            (walk.customer, self.customer),
            (f"{walk.moment} > %s", self.placed_after),
            (f"{walk.moment} < %s", self.placed_before),
            (reads.NUMBER, self.number),
            (reads.PRODUCT, self.product),
            (reads.REFERENCE, self.reference),
        ]
        stated = [(condition, value) for condition, value in conditions if value is not None]
        where = " AND ".join(["TRUE", *(condition for condition, _ in stated)])
        if self.statuses:
            statuses = ", ".join(reads.STATUS[status] for status in sorted(set(self.statuses)))
            where += f' AND "order".status IN ({statuses})'
        return f" WHERE {where}", [value for _, value in stated]


@dataclass(frozen=True, slots=True)
class HistoryPosition:
    """The order after which a page of the history begins."""

    placed_at: datetime
    id: UUID


def end_of(page: Part[OrderView]) -> HistoryPosition | None:
    """Returns where the next page begins; None after the last page."""
    if not page.more:
        return None
    last = page.rows[-1]
    return HistoryPosition(last.placed_at, last.id)


def history(
    chosen: OrderFilter, *, after: HistoryPosition | None = None, limit: int
) -> Part[OrderView]:
    """Returns up to `limit` orders, newest first by (placed_at, id). The page ends before the order
    with which it would have more than `MAX_PAGE_LINES` lines.

    Indexes end with these two columns: order_history (of a customer), order_search (of all
    customers), order_by_status, order_search_by_reference, order_line_search (of a product). Orders
    with other statuses are read and left out, or several statuses are read and sorted.
    """
    where, parameters = chosen.conditions()
    if after is not None:
        parameters += [after.placed_at, after.id]
    statement = chosen.walk.page(where, limit + 1, continued=after is not None)
    return _first_part(statement, parameters, limit=limit)


def history_in_parts(chosen: OrderFilter) -> Iterator[list[OrderView]]:
    """Yields the history in pages, newest first, each in its state when it is read: a slow caller
    keeps no connection busy. No order is in it twice, and none that is placed after it began."""
    after: HistoryPosition | None = None
    while True:
        page = history(chosen, after=after, limit=ORDERS_OF_A_PART)
        database.release()
        if page.rows:
            yield page.rows
        after = end_of(page)
        if after is None:
            return


def page(
    customer: int, *, newest_first: bool, offset: int, limit: int | None
) -> Iterator[Part[OrderView]]:
    """Yields a customer's placed orders after the first `offset`, in parts of up to
    `MAX_PAGE_LINES` lines: newest first, or by ascending number. `limit` None means all."""
    orders = Order.objects.filter(customer_id=customer).values_list("id", flat=True)
    # By the bare number, PostgreSQL may read the orders of all customers by the index on numbers.
    ordered = orders.order_by(*(("-placed_at", "-id") if newest_first else (F("number") + 0,)))
    ids = list(ordered[offset : None if limit is None else offset + limit])
    while ids:
        part = first_orders(ids[:ORDERS_OF_A_PART])
        ids = ids[len(part.rows) or ORDERS_OF_A_PART :]
        yield replace(part, more=bool(ids))


def count(chosen: OrderFilter) -> int:
    """Returns the number of matching orders."""
    where, parameters = chosen.conditions()
    ((number,),) = database.rows(f"SELECT count(*){chosen.walk.source}{where}", parameters)
    return int(number)


def order(order_id: UUID, *, customer: int | None) -> OrderView:
    """Returns a placed order; with `customer`, only an order of this customer. Raises NotFound."""
    view = orders([order_id]).get(order_id)
    if view is None or customer not in (None, view.customer):
        raise NotFound
    return view


def visible_order(order_id: UUID, caller: Caller, *permissions: str) -> OrderView:
    """Returns a placed order of the caller; of any customer with the permission to view orders, or
    one of `permissions`.

    Raises NotFound. For staff, what `require` raises if the order is another customer's: only to
    customers other orders do not exist.
    """
    view = order(order_id, customer=None)
    sees_all = any(caller.may(permission) for permission in ("orders.view_order", *permissions))
    if not sees_all and view.customer != caller.id:
        if caller.is_staff:
            caller.require("orders.view_order")
        raise NotFound
    return view


def by_number(number: int, *, customer: int) -> OrderView:
    """Returns a customer's placed order. Raises NotFound."""
    if number > MAX_ID:
        raise NotFound
    where, parameters = OrderFilter(customer, number=number).conditions()
    views = _read(reads.BY_ORDER.orders + where, parameters)
    if not views:
        raise NotFound
    return views[0]


def orders(order_ids: Iterable[UUID]) -> dict[UUID, OrderView]:
    """Returns placed orders by id, without unknown ids."""
    views = _read(reads.WITH_IDS, [list(order_ids)])
    return {view.id: view for view in views}


def first_orders(order_ids: Sequence[UUID]) -> Part[OrderView]:
    """Returns the first of these placed orders, in the order of the ids: as many as have up to
    `MAX_PAGE_LINES` lines."""
    if not order_ids:
        return Part([])
    ids = list(order_ids)
    return _first_part(reads.AS_GIVEN, [ids, ids], limit=len(ids))


def submit_existing(order_ids: Collection[UUID]) -> Callable[[], set[UUID]]:
    """Submits a statement, and returns a function that returns those of the ids that an order or a
    cart has."""
    if not order_ids:
        return set
    reading = database.submit(writes.EXISTING, [list(order_ids), list(order_ids)])
    return lambda: {id for (id,) in reading()}


class UnpaidUnits(NamedTuple):
    """How many units a customer may have ordered without paying, and how many there are."""

    limit: int
    units: int


UNPAID_FOR = timedelta(days=1)
"""How long an order's units count after it was placed or changed, while it is neither paid nor
packed."""

NEW_ACCOUNT = 10
"""An account gets this part of the limit until the shop has shipped an order to it."""


def submit_unpaid(
    customers: Collection[int], limit: int | None, now: datetime, *, without: UUID = SYSTEM_ACTOR
) -> Callable[[], dict[int, UnpaidUnits]]:
    """Submits the statements that lock these customers and sum the units of their unpaid orders,
    `without` one order. Returns a function that returns them; empty if the shop has no limit."""
    ids = sorted(customers)
    if not (ids and limit):
        return dict
    database.submit(writes.LOCK_CUSTOMERS, [ids])
    parameters = {"since": now - UNPAID_FOR, "without": without, "customers": ids}
    reading = database.submit(writes.UNPAID_UNITS, parameters)

    def read() -> dict[int, UnpaidUnits]:
        return {
            customer: UnpaidUnits(limit if is_known else limit // NEW_ACCOUNT, units)
            for customer, is_known, units in reading()
        }

    return read


def line_history(customer: int, *, offset: int, limit: int) -> list[Any]:
    """Returns up to `limit` lines of a customer's placed orders: newest order first, with its lines
    in the order in which they were sent. `line_total` is exact."""
    rows = OrderLine.objects.filter(order__customer_id=customer)
    columns = ("product", "name", "quantity", "unit_price", "placed_at")
    rows = rows.order_by("-placed_at", "-order_id", "id").annotate(
        line_total=F("unit_price") * F("quantity")
    )
    return list(rows.values_list(*columns, "line_total", named=True)[offset : offset + limit])


def count_lines(customer: int) -> int:
    """Returns the number of lines of a customer's placed orders."""
    return OrderLine.objects.filter(order__customer_id=customer).count()


_EVENT = ("id", "type", "from_status", "to_status", "actor", "at", "data", "position")


def events(order_id: UUID, *, after: int, limit: int) -> Part[Any]:
    """Returns up to `limit` events of an order after a position, oldest first, by the columns of
    _EVENT: at most PAGE_ROWS, because each may list all lines of the order twice."""
    limit = min(limit, PAGE_ROWS)
    rows = OrderEvent.objects.filter(order_id=order_id, position__gt=after).order_by("position")
    return first(list(rows.values_list(*_EVENT, named=True)[: limit + 1]), limit)


def latest_events(order_id: UUID, *, limit: int) -> Part[Any]:
    """Returns the last `limit` events of an order, the newest first."""
    rows = OrderEvent.objects.filter(order_id=order_id).order_by("-position")
    return first(list(rows.values_list(*_EVENT, named=True)[: limit + 1]), limit)


def orders_of_events(event_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Returns the order of each event, by the event's id, without events that do not exist."""
    rows = OrderEvent.objects.filter(id__in=event_ids)
    return dict(rows.values_list("id", "order_id"))


def payments(order: UUID, *, after: int, limit: int) -> Part[Record]:
    """Returns up to `limit` records of the id of an order, oldest first, after a record."""
    parameters = {"order": order, "after": after, "limit": limit + 1}
    rows = database.rows(payments_sql.RECORDS, parameters)
    return first([Record(*row) for row in rows], limit)


def payment(id: int) -> Record:
    """Returns a record. Assumes that it exists: records are never deleted."""
    return Record(*Payment.objects.values_list(*Record.__slots__).get(id=id))


def payment_of(provider: str, kind: str, transaction_id: str) -> Record | None:
    """Returns the record of a movement of money, by its unique index."""
    rows = Payment.objects.filter(provider=provider, kind=kind, transaction_id=transaction_id)
    row = rows.values_list(*Record.__slots__).first()
    return None if row is None else Record(*row)


def refund_due(order: UUID, currency: str) -> Any:
    """Returns the refund that is due of an order, as in `refunds_due`; None if none is."""
    rows = RefundDue.objects.filter(order=order, currency=currency)
    return rows.values_list(*_OF_REFUNDS, named=True).first()


_OF_REFUNDS = ("id", "order", "amount", "currency", "since")


def refunds_due(*, after: tuple[datetime, int] | None, limit: int) -> Part[Any]:
    """Returns up to `limit` refunds that are due, the oldest first, after the last one of a page:
    `id`, `order` (or an id that was abandoned), `amount`, `currency` and `since`."""
    rows = RefundDue.objects.order_by("since", "id").values_list(*_OF_REFUNDS, named=True)
    if after is not None:
        since, id = after
        rows = rows.filter(Q(since__gt=since) | Q(id__gt=id), since__gte=since)
    return first(list(rows[: limit + 1]), limit)
