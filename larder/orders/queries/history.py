"""Pages of placed orders: the history, by any filter, and a customer's own by offset."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from larder.db import database
from larder.orders import sql
from larder.orders.queries.views import OrdersPart, OrderView, first_part, parts


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
    def walk(self) -> sql.Walk:
        """What the history is walked by: the orders, or, of a product, its lines."""
        return sql.BY_ORDER if self.product is None else sql.BY_LINE

    def conditions(self) -> tuple[str, list[Any]]:
        """The WHERE clause, and its parameters. A draft is nobody's order yet."""
        moment = self.walk.moment
        statuses = list(self.statuses)
        given = [
            (self.walk.customer, self.customer),
            (sql.STATUS, statuses[0]) if len(statuses) == 1 else (sql.STATUSES, statuses or None),
            (f"{moment} > %s", self.placed_after),
            (f"{moment} < %s", self.placed_before),
            (sql.NUMBER, self.number),
            (sql.PRODUCT, self.product),
            (sql.REFERENCE, self.reference),
        ]
        held = [(condition, value) for condition, value in given if value is not None]
        where = " AND ".join([self.walk.placed, *(condition for condition, _ in held)])
        return f" WHERE {where}", [value for _, value in held]

    @property
    def walks(self) -> "list[OrderFilter]":
        """What a page is merged from: where the history is walked by status, no index has the
        orders of two of them in one line."""
        other_ways = (self.product, self.number, self.reference)
        if len(self.statuses) < 2 or other_ways != (None, None, None):
            return [self]
        return [replace(self, statuses=(one,)) for one in self.statuses]


@dataclass(frozen=True, slots=True)
class HistoryPosition:
    """Where a page of history begins: behind this order."""

    placed_at: datetime
    id: UUID


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Orders of the history, and where the next page begins; None if there is none."""

    orders: list[OrderView]
    next: HistoryPosition | None


def history(
    wanted: OrderFilter, *, after: HistoryPosition | None = None, limit: int
) -> HistoryPage:
    """Up to `limit` orders, newest first: by (placed_at, id). The page ends before the order with
    which it would have more than `MAX_PAGE_LINES` lines or `MAX_PAGE_BYTES` of texts.

    Each filter has an index that ends in these two, so that a page is read where it begins and
    costs the same however many orders there are: order_history (a customer's),
    order_history_by_status, order_history_by_reference, order_search (everybody's),
    order_search_by_status, order_search_by_reference, order_line_search (a product's). Of several
    statuses a page of each is read, and they are merged. The figures
    are in docs/explanation/performance/growth.md.
    """
    walks = [_walk(one, after, limit + 1) for one in wanted.walks]
    statement, parameters = walks[0] if len(walks) == 1 else _merged(walks, limit + 1)
    part = first_part(statement, parameters, limit=limit)
    following = HistoryPosition(*part.last) if part.more and part.last else None
    return HistoryPage(part.rows, following)


def _merged(walks: Sequence[tuple[str, Sequence[Any]]], limit: int) -> tuple[str, Sequence[Any]]:
    merged = " UNION ALL ".join(f"({statement})" for statement, _ in walks)
    parameters = [value for _, values in walks for value in values]
    return f"{merged} ORDER BY placed_at DESC, id DESC LIMIT {limit:d}", parameters


def _walk(
    wanted: OrderFilter, after: HistoryPosition | None, limit: int
) -> tuple[str, Sequence[Any]]:
    """A row comparison enters an index in the middle; two comparisons with an OR would not."""
    walk, (conditions, parameters) = wanted.walk, wanted.conditions()
    if after is not None:
        conditions += f" AND ({walk.moment}, {walk.id}) < (%s, %s)"
        parameters += [after.placed_at, after.id]
    order = f" ORDER BY {walk.moment} DESC, {walk.id} DESC LIMIT {limit:d}"
    return f"{walk.orders}{conditions}{order}", parameters


def page(
    customer: int, *, newest_first: bool, offset: int, limit: int | None
) -> Iterator[OrdersPart]:
    """A customer's placed orders behind the first `offset`, without what the customer wrote (note,
    reference, address, day): the newest first, by (placed_at, id),
    or by ascending number; in the parts of `parts`. `limit` None means all of them."""
    conditions, parameters = OrderFilter(customer).conditions()
    order = "placed_at DESC, id DESC" if newest_first else sql.BY_NUMBER
    rows = "ALL" if limit is None else f"{limit:d}"
    statement = f"{sql.BRIEF_ORDERS}{conditions} ORDER BY {order} LIMIT {rows} OFFSET %s"
    return parts(statement, [*parameters, offset])


def count(wanted: OrderFilter) -> int:
    """How many orders there are in all."""
    conditions, parameters = wanted.conditions()
    ((found,),) = database.rows(f"SELECT count(*){wanted.walk.source}{conditions}", parameters)
    return int(found)
