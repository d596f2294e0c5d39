"""What inventory tells the others: products with their stock, balances, the ledger."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from msgspec import Struct

from larder.catalog import search
from larder.catalog.fields import FIELDS
from larder.catalog.prices import prices_for
from larder.core.errors import NotFound
from larder.core.limits import MAX_NAME_LENGTH
from larder.core.parts import Part, in_parts
from larder.core.structs import with_fields
from larder.db import database
from larder.inventory import sql
from larder.inventory.models import Adjustment, LedgerEntry, Stock


@with_fields([(one.name, one.shown) for one in FIELDS], behind="quantity")
class StockedProduct(Struct):
    """A listed product and how many can be ordered. `price` is this customer's, net, a unit."""

    id: int
    public_id: UUID
    sku: str
    name: str
    description: str
    category: int | None
    price: Decimal
    quantity: int
    min_quantity: int
    max_per_order: int | None
    step: int
    updated_at: datetime
    version: int


PRODUCTS = sql.products(StockedProduct.__struct_fields__)

ORDERINGS = {"id": "p.id", "name": "p.name", "price": "p.price", "sku": "p.sku"}
"""What a list can be ordered by, and the column; a leading minus turns the order round."""


@dataclass(frozen=True, slots=True)
class ProductFilter:
    """Which products, and in what order. Everything given must hold.

    `words` occur in name or SKU, `name_contains` in the name, all in any case; texts of `exact`,
    by field, are the whole of it, as it is written; `category` includes those below it; prices
    are list prices; `archived` lets archived products in.
    """

    words: tuple[str, ...] = ()
    category: int | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    in_stock: bool | None = None
    ids: tuple[int, ...] | None = None
    exact: Mapping[str, str] = field(default_factory=dict)
    ordering: str = "id"
    archived: bool = False
    name_contains: str = ""

    def conditions(self) -> tuple[str, list[Any]]:
        """The WHERE clause, and its parameters."""
        found: list[tuple[str, list[Any]]] = [("TRUE" if self.archived else sql.LISTED, [])]
        found += self._texts()
        if self.category is not None:
            found.append((sql.BELOW_CATEGORY, [self.category]))
        if self.min_price is not None:
            found.append(("p.price >= %s", [self.min_price]))
        if self.max_price is not None:
            found.append(("p.price <= %s", [self.max_price]))
        if self.in_stock is not None:
            found.append((f"s.available {'>' if self.in_stock else '='} 0", []))
        if self.ids is not None:
            found.append((sql.IDS, [list(self.ids)]))
        found += [(sql.EXACT.format(name), [text]) for name, text in self.exact.items()]
        conditions = " AND ".join(condition for condition, _ in found)
        return f" WHERE {conditions}", [value for _, values in found for value in values]

    def _texts(self) -> list[tuple[str, list[Any]]]:
        """The conditions of words and of the part of a name."""
        part = self.name_contains
        if "\0" in part or len(part) > MAX_NAME_LENGTH:
            # No name is so long, and PostgreSQL has no text with NUL.
            return [("FALSE", [])]
        found: list[tuple[str, list[Any]]] = [(sql.CONTAINS, [word]) for word in self.words]
        if part:
            found.append((sql.NAME_CONTAINS, [part]))
        if indexed := search.indexed([*self.words, part]):
            found.append((sql.has_trigrams(len(indexed)), [*indexed]))
        return found


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page begins: behind this value of the ordering, and this id."""

    value: Any
    id: int


def products(
    customer: int,
    wanted: ProductFilter = ProductFilter(),
    *,
    after: Position | None = None,
    offset: int = 0,
    limit: int | None,
) -> list[StockedProduct]:
    """Up to `limit` (None: all) listed products, at this customer's prices.

    `after` costs the same on every page. `offset`, for the clients that count rows, walks past
    those it leaves out.
    """
    conditions, parameters = wanted.conditions()
    page, position = _page(wanted.ordering, after, limit)
    asked = [*parameters, *position]
    if offset:
        page, asked = f"{page} OFFSET %s", [*asked, offset]
    found = database.rows(f"{PRODUCTS}{conditions}{page}", asked)
    return _priced(customer, [StockedProduct(*row) for row in found])


def all_products(customer: int, wanted: ProductFilter) -> Iterator[Part[StockedProduct]]:
    """All listed products by ascending id, at this customer's prices; in parts."""

    def fetch(last: StockedProduct | None, limit: int) -> list[StockedProduct]:
        after = None if last is None else Position(last.id, last.id)
        return products(customer, wanted, after=after, limit=limit)

    return in_parts(fetch)


def _page(ordering: str, after: Position | None, limit: int | None) -> tuple[str, list[Any]]:
    """The condition that begins behind `after`, the order and the limit, with parameters."""
    column = ORDERINGS[ordering.removeprefix("-")]
    direction, comparison = ("DESC", "<") if ordering.startswith("-") else ("ASC", ">")
    rows = "ALL" if limit is None else f"{limit:d}"
    order = f" ORDER BY {column} {direction}, p.id {direction} LIMIT {rows}"
    if after is None:
        return order, []
    if column == "p.id":
        # Said of both sides of the join: or else stock is walked from its beginning.
        where = f" AND p.id {comparison} %s AND s.product_id {comparison} %s"
        return where + order, [after.id, after.id]
    return f" AND ({column}, p.id) {comparison} (%s, %s)" + order, [after.value, after.id]


def _priced(customer: int, found: list[StockedProduct]) -> list[StockedProduct]:
    prices = prices_for(customer, found)
    for product in found:
        product.price = prices[product.id]
    return found


def count_products(wanted: ProductFilter) -> int:
    """How many listed products there are in all."""
    conditions, parameters = wanted.conditions()
    return int(database.rows(f"{sql.COUNT}{conditions}", parameters)[0][0])


def product(customer: int, product_id: int, *, archived: bool = False) -> StockedProduct:
    """A listed product, or with `archived` any. Raises NotFound."""
    found = products(customer, ProductFilter(ids=(product_id,), archived=archived), limit=1)
    if not found:
        raise NotFound
    return found[0]


def out_of_stock() -> tuple[int, int]:
    """How many products are sold, and of how many of them nothing can be ordered now."""
    with transaction.atomic():
        database.execute("SET LOCAL enable_seqscan = on")
        ((sold, out),) = database.rows(sql.OUT_OF_STOCK)
    return sold, out


def available(product_ids: Collection[int]) -> dict[int, int]:
    """Units of listed products that can be ordered, by product id."""
    listed = Stock.objects.filter(product_id__in=product_ids, product__archived_at=None)
    return dict(listed.order_by("product_id").values_list("product_id", "available"))


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """An entry of the ledger. `delta` and `balance` are of what is available."""

    id: int
    delta: int
    committed_delta: int
    balance: int
    committed_balance: int
    cause: str
    reference: str
    actor: UUID
    at: datetime


_LEDGER = (
    "id",
    "available_change",
    "committed_change",
    "available_after",
    "committed_after",
    "cause",
    "reference",
    "actor",
    "at",
)


def ledger(product_id: int, *, before: int | None, limit: int) -> list[LedgerRow]:
    """Up to `limit` entries of a product, archived or not, newest first. Raises NotFound."""
    entries = LedgerEntry.objects.filter(product_id=product_id).order_by("-id")
    if before is not None:
        entries = entries.filter(id__lt=before)
    found = [LedgerRow(*row) for row in entries.values_list(*_LEDGER)[:limit]]
    if not found and not Stock.objects.filter(product_id=product_id).exists():
        raise NotFound
    return found


@dataclass(frozen=True, slots=True)
class AdjustedLine:
    """What an adjustment did to one product."""

    product: int
    delta: int
    balance: int


@dataclass(frozen=True, slots=True)
class AdjustmentRow:
    """An adjustment with its entries of the ledger, by product."""

    id: UUID
    reason: str
    actor: UUID
    at: datetime
    lines: list[AdjustedLine] = field(default_factory=list)


def adjustment(adjustment_id: UUID) -> AdjustmentRow:
    """Raises NotFound."""
    columns = ("id", "reason", "actor", "at", "products")
    row = Adjustment.objects.filter(id=adjustment_id).values_list(*columns).first()
    if row is None:
        raise NotFound
    *said, products = row
    entries = LedgerEntry.objects.filter(
        product_id__in=products, cause=said[1], reference=str(adjustment_id)
    )
    lines = entries.order_by("product_id").values_list(
        "product_id", "available_change", "available_after"
    )
    found = AdjustmentRow(*said)
    found.lines.extend(AdjustedLine(*line) for line in lines)
    return found
