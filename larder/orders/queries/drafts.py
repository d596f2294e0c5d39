"""The customer's draft (the cart), alone and together with placed orders."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from larder.catalog.queries import Offer
from larder.core.errors import NotFound
from larder.core.parts import Part
from larder.inventory import queries as inventory
from larder.inventory.queries import ProductFilter, StockedProduct
from larder.orders.decision import broken_rules
from larder.orders.models import CartEnd, Order, OrderLine, OrderStatus
from larder.orders.queries.history import page
from larder.orders.queries.order_views import OrderView
from larder.orders.queries.placed import by_number


@dataclass(frozen=True, slots=True)
class DraftLine:
    """A product in the draft. Prices are of one unit, tax included.

    `unit_price` is the customer's price when the line was added; the other values are those of the
    product now. `available` is the number of units that can be ordered, 0 for an archived product.
    `broken_rule` is the fault with which placing would refuse the line, if it breaks a rule of the
    shop: minimum, maximum, or multiples of units.
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
class DraftView:
    """The current draft, with its lines by ascending id."""

    id: UUID
    number: int
    customer: int
    currency: str
    created_at: datetime
    updated_at: datetime
    version: int
    lines: list[DraftLine] = field(default_factory=list)
    placed_at: ClassVar[None] = None

    @property
    def total(self) -> Decimal:
        """The exact sum, at current prices. An archived product counts with its last price: its
        line stays in the cart until the customer removes it, and a total without it would look
        wrong."""
        return sum((line.line_total for line in self.lines), Decimal(0))


_DRAFT = ("id", "number", "customer_id", "currency", "created_at", "updated_at", "version")
_LINE = ("id", "product_id", "quantity", "unit_price")


def draft(customer: int) -> DraftView | None:
    """Returns the customer's draft; None without one."""
    rows = Order.objects.filter(customer_id=customer, status=OrderStatus.DRAFT)
    row = rows.values_list(*_DRAFT).first()
    if row is None:
        return None
    found = DraftView(*row)
    found.lines.extend(_lines(found))
    return found


def last_cart(customer: int) -> UUID | None:
    """Returns the id of the customer's cart that was submitted or deleted last."""
    rows = CartEnd.objects.filter(customer_id=customer)
    return rows.values_list("cart", flat=True).first()


def _lines(draft: DraftView) -> Iterator[DraftLine]:
    lines = OrderLine.objects.filter(order_id=draft.id).order_by("id")
    rows: list[tuple[Any, ...]] = list(lines.values_list(*_LINE))
    ids = tuple(row[1] for row in rows)
    wanted = ProductFilter(ids=ids, archived=True)
    found = inventory.products(draft.customer, wanted, limit=len(ids)) if ids else []
    products = {one.id: one for one in found}
    available = inventory.available(ids) if ids else {}
    for id, product, quantity, unit_price in rows:
        yield _line(id, products[product], quantity, unit_price, available.get(product))


def _line(
    id: int, product: StockedProduct, quantity: int, unit_price: Decimal, available: int | None
) -> DraftLine:
    return DraftLine(
        id=id,
        product=product.id,
        sku=product.sku,
        name=product.name,
        quantity=quantity,
        unit_price=unit_price,
        current_price=product.price,
        available=available or 0,
        archived=available is None,
        broken_rule=_broken_rule(product, quantity),
    )


def _broken_rule(product: StockedProduct, quantity: int) -> Mapping[str, Any] | None:
    rules = (product.min_quantity, product.max_per_order, product.step)
    offer = Offer(product.id, product.sku, product.name, product.price, *rules)
    return next(iter(broken_rules({product.id: quantity}, {product.id: offer})), None)


def orders_and_draft(customer: int) -> Iterator[Part[OrderView]]:
    """Yields all orders of a customer in parts, newest first. The first part has the draft."""
    # The draft is read first: if it is placed meanwhile, it is found twice instead of not at all.
    left = draft(customer)
    for part in page(customer, newest_first=True, offset=0, limit=None):
        shown: list[Any] = list(part.rows)
        if left is not None and left.id not in {one.id for one in shown}:
            shown.append(left)
        left = None
        yield replace(part, rows=shown)
    if left is not None:
        alone: list[Any] = [left]
        yield Part(alone)


def order_or_draft(number: int, *, customer: int) -> OrderView | DraftView:
    """Returns a customer's placed order or draft. Raises NotFound."""
    try:
        return by_number(number, customer=customer)
    except NotFound:
        open_one = draft(customer)
    if open_one is not None and open_one.number == number:
        return open_one
    return by_number(number, customer=customer)  # It may have been placed meanwhile.
