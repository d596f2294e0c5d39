"""Reads products with their stock, the ledger, adjustments, and running counts of stock."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import transaction
from msgspec import Struct

from larder.catalog import search
from larder.catalog.fields import SHOWN
from larder.catalog.prices import prices_for
from larder.catalog.search import spellings
from larder.core.errors import NotFound
from larder.core.limits import MAX_NAME_LENGTH
from larder.core.parts import Part, first, in_parts
from larder.core.structs import with_fields
from larder.db import database
from larder.inventory import sql
from larder.inventory.models import Adjustment, CountedProduct, LedgerEntry, Stock


@with_fields([(field.name, field.shown) for field in SHOWN], behind="quantity")
class StockedProduct(Struct):
    """A listed product with its available units. `price` is this customer's, of one unit,
    tax included."""

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
    tax_rate: Decimal | None
    updated_at: datetime
    version: int


PRODUCTS = sql.products(StockedProduct.__struct_fields__)
BRIEF = sql.products(StockedProduct.__struct_fields__, brief=True)

ORDERINGS = sql.ORDERINGS.keys()
"""The orderings of a list. A leading minus reverses the order."""


@dataclass(frozen=True, slots=True)
class ProductFilter:
    """The filter and the order of a product list. A product must match all given conditions.

    `words` occur in the name or the SKU, `name_contains` in the name; case is ignored. `exact` has
    the complete text of a field, with case. `category` includes the categories below it. Prices
    are list prices. `archived` includes archived products. Without `described` the descriptions,
    of up to 80 KB each, are not read.
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
    described: bool = False

    def conditions(self) -> tuple[str, list[Any]]:
        """Returns the WHERE clause and its parameters."""
        conditions = [*self._conditions()]
        where = " AND ".join(condition for condition, _ in conditions)
        return f" WHERE {where}", [value for _, values in conditions for value in values]

    def _conditions(self) -> Iterator[tuple[str, list[Any]]]:
        yield sql.ANY if self.archived else sql.LISTED, []
        yield from self._texts()
        if self.category is not None:
            yield sql.BELOW_CATEGORY, [self.category]
        if self.min_price is not None:
            yield sql.AT_LEAST, [self.min_price]
        if self.max_price is not None:
            yield sql.AT_MOST, [self.max_price]
        if self.in_stock is not None:
            yield sql.IN_STOCK if self.in_stock else sql.WITHOUT_STOCK, []
        if self.ids is not None:
            yield sql.IDS, [list(self.ids)]
        for name, text in self.exact.items():
            yield _matching(name, text)

    def _texts(self) -> Iterator[tuple[str, list[Any]]]:
        part = self.name_contains
        if "\0" in part or len(part) > MAX_NAME_LENGTH:
            # No name is that long, and a text in PostgreSQL cannot contain NUL.
            yield sql.NONE, []
            return
        for word in self.words:
            yield sql.CONTAINS, [word]
        if part:
            yield sql.NAME_CONTAINS, [part]
        if indexed := search.indexed([*self.words, part]):
            yield sql.has_trigrams(len(indexed)), [*indexed]


def _matching(name: str, text: str) -> tuple[str, list[Any]]:
    """Returns the condition that a field is this text."""
    if name == "sku":
        return sql.SAME_SKU, [text]
    texts = spellings(text) if name == "barcode" else [text]
    return sql.EXACT.format(name), [texts[0], texts[-1]]


@dataclass(frozen=True, slots=True)
class Position:
    """The beginning of a page: after this value of the ordering, and this id."""

    value: Any
    id: int


def products(
    customer: int,
    filter: ProductFilter = ProductFilter(),
    *,
    after: Position | None = None,
    offset: int = 0,
    limit: int | None,
) -> list[StockedProduct]:
    """Returns up to `limit` (None: all) listed products, with this customer's prices.

    With `after` every page costs the same. `offset` is for clients that count rows; the database
    reads and skips that many rows.
    """
    conditions, parameters = filter.conditions()
    page, position = _page(filter.ordering, after, limit)
    statement = f"{PRODUCTS if filter.described else BRIEF}{conditions}{page}"
    parameters += position
    if offset:
        statement, parameters = f"{statement} OFFSET %s", [*parameters, offset]
    return _priced(customer, [StockedProduct(*row) for row in database.rows(statement, parameters)])


def page(
    customer: int,
    filter: ProductFilter = ProductFilter(),
    *,
    after: Position | None = None,
    limit: int,
) -> Part[StockedProduct]:
    """Returns up to `limit` listed products as `products` does, with their descriptions."""
    described = replace(filter, described=True)
    return first(products(customer, described, after=after, limit=limit + 1), limit)


def all_products(customer: int, filter: ProductFilter) -> Iterator[Part[StockedProduct]]:
    """Yields all listed products by ascending id, as `products` returns them, in parts."""

    def fetch(last: StockedProduct | None, limit: int) -> list[StockedProduct]:
        after = None if last is None else Position(last.id, last.id)
        return products(customer, filter, after=after, limit=limit)

    return in_parts(fetch)


def _page(ordering: str, after: Position | None, limit: int | None) -> tuple[str, list[Any]]:
    """Returns the condition for rows after `after`, the order and the limit, with parameters."""
    if after is None:
        return sql.first_page(ordering, limit), []
    values = [after.id, after.id] if sql.is_by_id(ordering) else [after.value, after.id]
    return sql.later_page(ordering, limit), values


def _priced(customer: int, stocked: list[StockedProduct]) -> list[StockedProduct]:
    prices = prices_for(customer, stocked)
    for product in stocked:
        product.price = prices[product.id]
    return stocked


def count_products(filter: ProductFilter) -> int:
    """Returns the number of listed products that match."""
    conditions, parameters = filter.conditions()
    return int(database.rows(f"{sql.COUNT}{conditions}", parameters)[0][0])


def product(customer: int, product_id: int, *, archived: bool = False) -> StockedProduct:
    """Returns a listed product; with `archived` also an archived one. Raises NotFound."""
    this = ProductFilter(ids=(product_id,), archived=archived, described=True)
    for stocked in products(customer, this, limit=None):
        return stocked
    raise NotFound


def out_of_stock() -> tuple[int, int, int]:
    """Returns the number of products on sale, and of these the numbers of those that are out of
    stock (fewer units are left than the smallest order has), and at or below their threshold of low
    stock."""
    with transaction.atomic():
        database.execute(sql.MAY_SCAN)
        ((sold, out, low),) = database.rows(sql.OUT_OF_STOCK)
    return sold, out, low


def available(product_ids: Collection[int]) -> dict[int, int]:
    """Returns the available units of listed products, by product id."""
    return dict(database.rows(sql.AVAILABLE, [list(product_ids)]))


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """An entry of the ledger. `delta` and `balance` are those of the available units."""

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
    *("id", "available_change", "committed_change", "available_after", "committed_after"),
    *("cause", "reference", "actor", "at"),
)


def ledger(product_id: int, *, before: int | None, limit: int) -> list[LedgerRow]:
    """Returns up to `limit` entries of a product, archived or not, the newest first.

    Raises NotFound.
    """
    entries = LedgerEntry.objects.filter(product_id=product_id).order_by("-id")
    if before is not None:
        entries = entries.filter(id__lt=before)
    rows = [LedgerRow(*row) for row in entries.values_list(*_LEDGER)[:limit]]
    if not rows and not Stock.objects.filter(product_id=product_id).exists():
        raise NotFound
    return rows


@dataclass(frozen=True, slots=True)
class AdjustedLine:
    """The change of one product by an adjustment."""

    product: int
    delta: int
    balance: int


@dataclass(frozen=True, slots=True)
class AdjustmentRow:
    """An adjustment with its ledger entries, by product."""

    id: UUID
    reason: str
    actor: UUID
    at: datetime
    note: str
    lines: list[AdjustedLine]


def adjustment(adjustment_id: UUID) -> AdjustmentRow:
    """Returns an adjustment. Raises NotFound."""
    rows = Adjustment.objects.filter(id=adjustment_id)
    row = rows.values("id", "reason", "actor", "at", "note").first()
    if row is None:
        raise NotFound
    entries = LedgerEntry.objects.filter(reference=str(adjustment_id), cause=row["reason"])
    lines = entries.order_by("product_id").values_list(
        "product_id", "available_change", "available_after"
    )
    return AdjustmentRow(**row, lines=[AdjustedLine(*line) for line in lines])


@dataclass(frozen=True, slots=True)
class CountRow:
    """A product of a count. `on_shelf`: the units that the stock had on the shelf when it was
    counted last. `is_moved`: whether the shelf changed while it was counted. `available` and
    `committed` are those of now."""

    product: int
    sku: str
    name: str
    shelf_place: str
    counted: int
    on_shelf: int
    is_moved: bool
    available: int
    committed: int

    @property
    def difference(self) -> int:
        """The units that the count found more, or fewer if negative."""
        return self.counted - self.on_shelf


def running_count(actor: UUID, *, limit: int | None = None) -> list[CountRow]:
    """Returns the products that a member of staff has counted, the last one first."""
    rows = CountedProduct.objects.filter(actor=actor).order_by("-at", "-id")
    columns = (
        *("product", *(f"product__product__{name}" for name in ("sku", "name", "shelf_place"))),
        *("counted", "on_shelf", "is_moved", "product__available", "product__committed"),
    )
    return [CountRow(*row) for row in rows.values_list(*columns)[:limit]]


def fingerprint_of(lines: Sequence[CountRow]) -> str:
    """Returns a text that differs if a count differs in its products, units or differences."""
    rows = sorted((line.product, line.counted, line.on_shelf, line.is_moved) for line in lines)
    return sha256(repr(rows).encode()).hexdigest()
