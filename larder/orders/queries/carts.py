"""The customer's cart, and the products that they have ordered before."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Struct

from larder.db import database
from larder.inventory import queries as inventory
from larder.inventory.queries import ProductFilter
from larder.orders.decision import broken_rules
from larder.orders.queries import LineView
from larder.orders.sql import carts, reads


class StoredLine(Struct, frozen=True):
    """A line of a cart as it is stored. `unit_price` is the customer's price when the line was
    added. A new line has no id yet."""

    id: int | None
    product: int
    quantity: int
    unit_price: Decimal


class CartRow(Struct, frozen=True):
    """The row of a customer. Without a cart, id, number and times are None, the version is 0, and
    there are no lines. `ended` is the cart that ended last."""

    customer: int
    id: UUID | None = None
    number: int | None = None
    version: int = 0
    lines: Sequence[StoredLine] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None
    ended: UUID | None = None

    @property
    def units(self) -> dict[int, int]:
        """The units by product."""
        return {line.product: line.quantity for line in self.lines}


class CartVersion(NamedTuple):
    """The cart that a client has read, and its version.

    If there was none: the cart that ended last, or None, and version 0.
    """

    id: UUID | None
    version: int


_lines_in = msgspec.json.Decoder(list[StoredLine])


def cart_row(customer: int, rows: Sequence[Sequence[Any]]) -> CartRow:
    """Returns the row that a statement of larder/orders/sql/carts.py finds, or an empty one."""
    for id, number, version, lines, *rest in rows:
        return CartRow(customer, id, number, version, _lines_in.decode(lines), *rest)
    return CartRow(customer)


def stored_cart(customer: int) -> CartRow:
    """Returns the customer's row as it is stored."""
    return cart_row(customer, database.rows(carts.READ, [customer]))


def versions(customers: Collection[int]) -> dict[int, CartVersion]:
    """Returns the present cart of each of these customers who ever had one."""
    found = database.rows(carts.VERSIONS, [list(customers)])
    return {customer: CartVersion(id, version) for customer, id, version in found}


@dataclass(frozen=True, slots=True)
class CartLine:
    """A product in the cart. Prices are of one unit, tax included.

    `unit_price` is the customer's price when the line was added; the other values are those of the
    product now. `available` is 0 for an archived product. `broken_rule` is the fault with which
    placing would refuse the number of units.
    """

    id: int
    product: int
    sku: str
    name: str
    quantity: int
    unit_price: Decimal
    current_price: Decimal
    available: int
    archived: bool
    broken_rule: Mapping[str, Any] | None

    @property
    def line_total(self) -> Decimal:
        """Exact: quantity × current price."""
        return self.current_price * self.quantity


@dataclass(frozen=True, slots=True)
class CartView:
    """The cart with its lines by ascending id."""

    id: UUID
    number: int
    version: int
    created_at: datetime
    updated_at: datetime | None
    lines: list[CartLine]
    placed_at: ClassVar[None] = None

    @property
    def total(self) -> Decimal:
        """The exact sum, at current prices. An archived product counts with its last price."""
        return sum((line.line_total for line in self.lines), Decimal(0))


def ordered_products(customer: int) -> set[int]:
    """Returns the products of the customer's last 1,000 orders."""
    return {id for (id,) in database.rows(reads.PRODUCTS_OF_LAST, [customer])}


def cart(customer: int) -> CartView | None:
    """Returns the customer's cart; None without one."""
    row = stored_cart(customer)
    if row.id is None or row.number is None or row.created_at is None:
        return None
    lines = current_lines(customer, row.lines)
    return CartView(row.id, row.number, row.version, row.created_at, row.updated_at, lines)


def current_lines(customer: int, stored: Sequence[StoredLine | LineView]) -> list[CartLine]:
    """Returns lines of a cart, or of an order of this customer, with what is true of their products
    now."""
    units = {line.product: line.quantity for line in stored}
    sold = ProductFilter(ids=tuple(units), archived=True)
    products = {product.id: product for product in inventory.products(customer, sold, limit=None)}
    available, rules = inventory.available(units), broken_rules(units, products)
    return [
        CartLine(
            id=line.id or 0,
            product=line.product,
            sku=products[line.product].sku,
            name=products[line.product].name,
            quantity=line.quantity,
            unit_price=line.unit_price,
            current_price=products[line.product].price,
            available=available.get(line.product, 0),
            archived=line.product not in available,
            broken_rule=rules.get(line.product),
        )
        for line in stored
    ]
