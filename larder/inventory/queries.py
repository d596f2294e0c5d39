"""Reads products with their stock, the ledger, adjustments, and running counts of stock."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
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


@dataclass(frozen=True, slots=True)
class ProductFilter:
    """The filter and the order of a product list. `words` occur in the name or the SKU,
    `name_contains` in the name, in any case; `sku` and `barcode` are complete. `category`
    includes those below it, `archived` archived products. Without `described` the descriptions, of
    up to 80 KB each, are not read.
    """

    words: tuple[str, ...] = ()
    category: int | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    in_stock: bool | None = None
    ids: tuple[int, ...] | None = None
    sku: str | None = None
    barcode: str | None = None
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
        if self.in_stock is not None:
            yield sql.IN_STOCK if self.in_stock else sql.WITHOUT_STOCK, []
        if self.barcode is not None:
            texts = spellings(self.barcode)
            yield sql.SAME_BARCODE, [texts[0], texts[-1]]
        for condition, value in (
            (sql.SAME_SKU, self.sku),
            (sql.BELOW_CATEGORY, self.category),
            (sql.AT_LEAST, self.min_price),
            (sql.AT_MOST, self.max_price),
            (sql.IDS, None if self.ids is None else list(self.ids)),
        ):
            if value is not None:
                yield condition, [value]

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
    """Returns up to `limit` (None: all) listed products, with this customer's prices. With `after`
    every page costs the same; `offset` is for clients that count rows."""
    conditions, parameters = filter.conditions()
    page = sql.page(filter.ordering, limit, is_later=after is not None)
    statement = f"{PRODUCTS if filter.described else BRIEF}{conditions}{page}"
    if after is not None:
        parameters += [after.id if filter.ordering.endswith("id") else after.value, after.id]
    if offset:
        statement, parameters = f"{statement} OFFSET %s", [*parameters, offset]
    stocked = [StockedProduct(*row) for row in database.rows(statement, parameters)]
    prices = prices_for(customer, stocked)
    for product in stocked:
        product.price = prices[product.id]
    return stocked


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
    """Returns the numbers of products on sale, and of those that are out of stock (fewer units are
    left than the smallest order has), or at or below their threshold of low stock."""
    with transaction.atomic():
        database.execute(sql.MAY_SCAN)
        ((sold, out, low),) = database.rows(sql.OUT_OF_STOCK)
    return sold, out, low


@dataclass(frozen=True, slots=True)
class StockState:
    """Whether a product is `out` of stock, `low`, or neither (`back`). `changed_in` is the
    transaction that changed the product last."""

    product: int
    changed_in: int
    updated_at: datetime
    state: str
    on_sale: bool


def stock_states(products: Collection[int]) -> list[StockState]:
    """Returns the states of these products."""
    return [StockState(*row) for row in database.rows(sql.STATES_OF, [list(products)])]


def stock_states_after(product: int, *, limit: int) -> list[StockState]:
    """Returns the states of up to `limit` products after this id, by ascending id."""
    rows = database.rows(sql.STATES_AFTER, [product, product, limit])
    return [StockState(*row) for row in rows]


def available(product_ids: Collection[int]) -> dict[int, int]:
    """Returns the available units of listed products, by product id."""
    return dict(database.rows(sql.AVAILABLE, [list(product_ids)]))


_UNITS = {"delta": F("available_change"), "balance": F("available_after")}
_COMMITTED = {
    "committed_delta": F("committed_change"),
    "committed_balance": F("committed_after"),
}


def ledger(product_id: int, *, before: int | None, limit: int) -> list[Any]:
    """Returns up to `limit` entries of a product, archived or not, the newest first: `id`, `cause`,
    `reference`, `actor`, `at`; `delta` and `balance` of the available units, `committed_delta` and
    `committed_balance`. Raises NotFound."""
    entries = LedgerEntry.objects.filter(product_id=product_id).order_by("-id")
    if before is not None:
        entries = entries.filter(id__lt=before)
    units = _UNITS | _COMMITTED
    columns = ("id", "cause", "reference", "actor", "at", *units)
    rows = list(entries.annotate(**units).values_list(*columns, named=True)[:limit])
    if not rows and not Stock.objects.filter(product_id=product_id).exists():
        raise NotFound
    return rows


def adjustment(adjustment_id: UUID) -> tuple[Any, list[Any]]:
    """Returns an adjustment: `id`, `reason`, `actor`, `at`, `note`; and its lines by product:
    `product`, `delta` and `balance` of the available units. Raises NotFound."""
    rows = Adjustment.objects.filter(id=adjustment_id)
    row = rows.values_list("id", "reason", "actor", "at", "note", named=True).first()
    if row is None:
        raise NotFound
    entries = LedgerEntry.objects.filter(reference=str(adjustment_id), cause=row.reason)
    lines = entries.annotate(**_UNITS).order_by("product_id")
    return row, list(lines.values_list("product", *_UNITS, named=True))


def running_count(actor: UUID, *, limit: int | None = None) -> list[CountedProduct]:
    """Returns the products that a member of staff has counted, the last one first, with their
    stock and their names."""
    rows = CountedProduct.objects.filter(actor=actor).order_by("-at", "-id")
    return list(rows.select_related("product__product").defer(*_LONG_TEXTS)[:limit])


_LONG_TEXTS = ("product__product__description", "product__product__search_text")


def fingerprint_of(rows: Sequence[CountedProduct]) -> str:
    """Returns a text that differs if a count differs in its products, units or differences."""
    units = sorted((row.product_id, row.counted, row.on_shelf, row.is_moved) for row in rows)
    return sha256(repr(units).encode()).hexdigest()
