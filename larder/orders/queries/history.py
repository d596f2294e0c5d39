"""Pages of placed orders: the history with filters, and a customer's orders by offset."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from larder.core.parts import Part
from larder.db import database
from larder.orders.queries.order_views import OrderView, first_part, parts
from larder.orders.sql import reads

ORDERS_OF_A_PART = 100
"""Orders of a part, with at most 5,000 lines and 512 KiB of texts together."""


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """A filter of placed orders. All given conditions must hold. `customer` None means all
    customers. An order must have one of `statuses`; without statuses all orders match."""

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
        walk, statuses = self.walk, self.statuses
        several = None if len(statuses) < 2 else list(statuses)
        given = [
            (walk.customer, self.customer),
            (reads.STATUSES, several),
            (walk.after, self.placed_after),
            (walk.before, self.placed_before),
            (reads.NUMBER, self.number),
            (reads.PRODUCT, self.product),
            (reads.REFERENCE, self.reference),
        ]
        held = [(condition, value) for condition, value in given if value is not None]
        single = [reads.STATUS[statuses[0]]] if len(statuses) == 1 else []
        where = walk.where([*single, *(condition for condition, _ in held)])
        return where, [value for _, value in held]

    @property
    def walks(self) -> "list[OrderFilter]":
        """Returns the filters whose results are merged into a page of the orders of all customers:
        one for each status, because no index has the orders of two statuses in one order."""
        other_ways = (self.customer, self.product, self.number, self.reference)
        if len(self.statuses) < 2 or any(way is not None for way in other_ways):
            return [self]
        return [replace(self, statuses=(one,)) for one in self.statuses]


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
    wanted: OrderFilter, *, after: HistoryPosition | None = None, limit: int
) -> Part[OrderView]:
    """Returns up to `limit` orders, newest first by (placed_at, id). The page ends before the order
    with which it would have more than `MAX_PAGE_LINES` lines or `MAX_PAGE_BYTES` of texts.

    Indexes end with these two columns, so a page takes the same time for any number of orders:
    order_history (of a customer), order_search (of all customers), order_by_status,
    order_search_by_reference, order_line_search (of a product). Of the orders of a customer, those
    with other statuses are read and left out; so are those that are not delivered, when delivered
    ones of all customers are read. For several statuses, a page of each is read, and the pages are
    merged. docs/explain/performance.md has the measurements.
    """
    return first_part(*_orders(wanted, after, limit + 1), limit=limit)


def _orders(
    wanted: OrderFilter, after: HistoryPosition | None, limit: int
) -> tuple[str, Sequence[Any]]:
    """Returns the statement of the orders of a page, without their lines, and its parameters."""
    walks = [_walk(way, after, limit) for way in wanted.walks]
    if len(walks) == 1:
        return walks[0]
    parameters = [value for _, values in walks for value in values]
    return reads.merged([statement for statement, _ in walks], limit), parameters


def _walk(
    wanted: OrderFilter, after: HistoryPosition | None, limit: int
) -> tuple[str, Sequence[Any]]:
    """Returns the statement of one walk, and its parameters."""
    where, parameters = wanted.conditions()
    if after is not None:
        parameters += [after.placed_at, after.id]
    return wanted.walk.page(where, limit, continued=after is not None), parameters


def history_in_parts(wanted: OrderFilter) -> Iterator[list[OrderView]]:
    """Yields the history in parts, newest first, each in its state when it is read, so that memory
    does not grow with the number of orders.

    Each part is a separate page, so a slow caller keeps no transaction open and no connection busy.
    Orders that are placed after it began are not in it, and no order is in it twice.
    """
    after: HistoryPosition | None = None
    while True:
        page = history(wanted, after=after, limit=ORDERS_OF_A_PART)
        database.release()
        if page.rows:
            yield page.rows
        after = end_of(page)
        if after is None:
            return


def page(
    customer: int, *, newest_first: bool, offset: int, limit: int | None
) -> Iterator[Part[OrderView]]:
    """Yields a customer's placed orders after the first `offset`, without the customer's texts
    (note, reference, address, day), in the parts of `parts`: newest first by (placed_at, id), or by
    ascending number. `limit` None means all."""
    where, parameters = OrderFilter(customer).conditions()
    statement = reads.ids_of_page(where, limit, newest_first=newest_first)
    return parts([id for (id,) in database.rows(statement, [*parameters, offset])])


def count(wanted: OrderFilter) -> int:
    """Returns the number of matching orders."""
    where, parameters = wanted.conditions()
    ((found,),) = database.rows(wanted.walk.counted(where), parameters)
    return int(found)
