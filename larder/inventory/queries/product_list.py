"""Reads products with their stock."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from msgspec import Struct

from larder.catalog import search
from larder.catalog.barcodes import spellings
from larder.catalog.fields import SHOWN
from larder.catalog.prices import prices_for
from larder.core.errors import NotFound
from larder.core.limits import MAX_NAME_LENGTH
from larder.core.parts import Part, in_parts
from larder.core.structs import with_fields
from larder.db import database
from larder.db.pages import first_rows, within_bytes
from larder.inventory import sql


@with_fields([(one.name, one.shown) for one in SHOWN], behind="quantity")
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
    are list prices. `archived` includes archived products.
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
        """Returns the WHERE clause and its parameters."""
        found: list[tuple[str, list[Any]]] = [(sql.ANY if self.archived else sql.LISTED, [])]
        found += self._texts()
        if self.category is not None:
            found.append((sql.BELOW_CATEGORY, [self.category]))
        if self.min_price is not None:
            found.append((sql.AT_LEAST, [self.min_price]))
        if self.max_price is not None:
            found.append((sql.AT_MOST, [self.max_price]))
        if self.in_stock is not None:
            found.append((sql.IN_STOCK if self.in_stock else sql.WITHOUT_STOCK, []))
        if self.ids is not None:
            found.append((sql.IDS, [list(self.ids)]))
        found += [_matching(name, text) for name, text in self.exact.items()]
        where = sql.where([condition for condition, _ in found])
        return where, [value for _, values in found for value in values]

    def _texts(self) -> list[tuple[str, list[Any]]]:
        """Returns the conditions for `words` and `name_contains`."""
        part = self.name_contains
        if "\0" in part or len(part) > MAX_NAME_LENGTH:
            # No name is that long, and a text in PostgreSQL cannot contain NUL.
            return [(sql.NONE, [])]
        found: list[tuple[str, list[Any]]] = [(sql.CONTAINS, [word]) for word in self.words]
        if part:
            found.append((sql.NAME_CONTAINS, [part]))
        if indexed := search.indexed([*self.words, part]):
            found.append((sql.has_trigrams(len(indexed)), [*indexed]))
        return found


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
    wanted: ProductFilter = ProductFilter(),
    *,
    after: Position | None = None,
    offset: int = 0,
    limit: int | None,
) -> list[StockedProduct]:
    """Returns up to `limit` (None: all) listed products, with this customer's prices and without
    their descriptions, which have up to 80 KB each.

    With `after` every page costs the same. `offset` is for clients that count rows; the database
    reads and skips that many rows.
    """
    conditions, parameters = wanted.conditions()
    page, position = _page(wanted.ordering, after, limit)
    found = database.rows(*_behind(f"{BRIEF}{conditions}{page}", [*parameters, *position], offset))
    return _priced(customer, [StockedProduct(*row) for row in found])


def page(
    customer: int,
    wanted: ProductFilter = ProductFilter(),
    *,
    after: Position | None = None,
    offset: int = 0,
    limit: int,
) -> Part[StockedProduct]:
    """Returns up to `limit` listed products as `products` does, with their descriptions. The page
    ends before the product with which the texts would have more than `MAX_PAGE_BYTES`, and has at
    least one product if there is one."""
    conditions, parameters = wanted.conditions()
    order, position = _page(wanted.ordering, after, limit + 1)
    found = _behind(f"{PRODUCTS}{conditions}{order}", [*parameters, *position], offset)
    return _described(customer, *found, limit)


def first_products(customer: int, product_ids: Sequence[int]) -> Part[StockedProduct]:
    """Returns the first of these products that are listed, in the order of the ids, as many as
    `page` returns."""
    conditions, parameters = ProductFilter(ids=tuple(product_ids)).conditions()
    statement = f"{PRODUCTS}{conditions}{sql.IN_GIVEN_ORDER}"
    return _described(customer, statement, [*parameters, list(product_ids)], None)


def in_pages(
    customer: int, wanted: ProductFilter, *, offset: int, limit: int
) -> Iterator[Part[StockedProduct]]:
    """Yields up to `limit` listed products behind the first `offset`, by ascending id, as pages."""
    after, more = None, True
    while more:
        found = page(customer, wanted, after=after, offset=offset, limit=limit)
        limit, offset = limit - len(found.rows), 0
        more = found.more and limit > 0
        yield replace(found, more=more)
        after = Position(found.rows[-1].id, found.rows[-1].id) if more else None


def all_products(customer: int, wanted: ProductFilter) -> Iterator[Part[StockedProduct]]:
    """Yields all listed products by ascending id, as `products` returns them, in parts."""

    def fetch(last: StockedProduct | None, limit: int) -> list[StockedProduct]:
        after = None if last is None else Position(last.id, last.id)
        return products(customer, wanted, after=after, limit=limit)

    return in_parts(fetch)


def _described(
    customer: int, statement: str, parameters: list[Any], limit: int | None
) -> Part[StockedProduct]:
    """Returns the page that the statement finds, with its descriptions."""
    found = first_rows(database.rows(within_bytes(statement, sql.SIZE), parameters), limit)
    rows = _priced(customer, [StockedProduct(*row) for row in found.rows])
    return Part(rows, more=found.more)


def _behind(statement: str, parameters: list[Any], offset: int) -> tuple[str, list[Any]]:
    """Returns the statement without its first `offset` rows."""
    return (
        (f"{statement}{sql.OFFSET}", [*parameters, offset]) if offset else (statement, parameters)
    )


def _page(ordering: str, after: Position | None, limit: int | None) -> tuple[str, list[Any]]:
    """Returns the condition for rows after `after`, the order and the limit, with parameters."""
    if after is None:
        return sql.first_page(ordering, limit), []
    values = [after.id, after.id] if sql.is_by_id(ordering) else [after.value, after.id]
    return sql.later_page(ordering, limit), values


def _priced(customer: int, found: list[StockedProduct]) -> list[StockedProduct]:
    prices = prices_for(customer, found)
    for product in found:
        product.price = prices[product.id]
    return found


def count_products(wanted: ProductFilter) -> int:
    """Returns the number of listed products that match."""
    conditions, parameters = wanted.conditions()
    return int(database.rows(f"{sql.COUNT}{conditions}", parameters)[0][0])


def product(customer: int, product_id: int, *, archived: bool = False) -> StockedProduct:
    """Returns a listed product; with `archived` also an archived one. Raises NotFound."""
    conditions, parameters = ProductFilter(ids=(product_id,), archived=archived).conditions()
    found = database.rows(f"{PRODUCTS}{conditions}", parameters)
    if not found:
        raise NotFound
    return _priced(customer, [StockedProduct(*found[0])])[0]


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
