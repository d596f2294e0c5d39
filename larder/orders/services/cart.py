"""Changes of the cart: all lines at once, one line, one unit, or deleting it.

A cart is one row of its customer (Cart), which each change locks. A line keeps its id and the price
at which it was added, also if its quantity changes; notices about prices compare with that price.
Nothing here moves stock, and the cart may have more units than are available: placing decides.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from django.db import transaction
from django.db.models import Q

from larder.catalog import prices as catalog
from larder.catalog.prices import Offer, prices_for
from larder.core.errors import DomainError, NotFound, StaleVersion, UnknownProducts, together
from larder.core.ids import new_id
from larder.core.limits import MAX_LINES, MAX_UNITS
from larder.db import database
from larder.inventory import queries as inventory
from larder.inventory.errors import InsufficientStock
from larder.orders.decision import RequestedLine, add_up, orderable
from larder.orders.errors import CartFull, NotInCart
from larder.orders.models import Cart
from larder.orders.queries import OrderView
from larder.orders.queries.carts import CartRow, CartVersion, StoredLine, cart_row
from larder.orders.sql import carts

Units = Mapping[int, int]
"""Units by product."""

KEPT = timedelta(days=30)
"""The time from the last change of a cart until it is deleted."""


def put_lines(
    customer: int, lines: list[RequestedLine], *, now: datetime, expected: CartVersion | None = None
) -> None:
    """Replaces the lines of the customer's cart. Lines of the same product are added up.

    Makes a cart if there is none and lines are given. If something changes, raises UnknownProducts
    (all of them, also archived ones), CartFull (all lines with too many units; both together if
    there are both), StaleVersion (the cart is not the `expected` one).
    """
    units = add_up(lines)
    with _locked(customer) as cart:
        _put(cart, units, units, expected, now)


def put_line(
    customer: int, line: RequestedLine, *, now: datetime, expected: CartVersion | None = None
) -> None:
    """Sets the number of units of a product in the customer's cart. Makes a cart if there is none.

    If something changes, raises UnknownProducts, CartFull, StaleVersion.
    """
    with _locked(customer) as cart:
        changed = {line.product: line.quantity}
        _put(cart, cart.units | changed, changed, expected, now)


def reorder(order: OrderView, *, now: datetime, expected: CartVersion | None = None) -> None:
    """Puts the units of an order in its customer's cart, as far as they can be ordered now. More
    units that are in the cart stay, so a repeat changes nothing. Makes a cart if there is none.

    If something changes, raises UnknownProducts (one is archived at this moment), CartFull,
    StaleVersion.
    """
    wanted = {line.product: line.quantity for line in order.lines}
    with _locked(order.customer) as cart:
        offers, available = catalog.offers(wanted), inventory.available(wanted)
        had = {
            id: orderable(offer, wanted[id], available.get(id, 0)) for id, offer in offers.items()
        }
        more = {id: had[id] for id in wanted if had.get(id, 0) > cart.units.get(id, 0)}
        _put(cart, cart.units | more, more, expected, now)


def _put(
    cart: CartRow, units: Units, changed: Units, expected: CartVersion | None, now: datetime
) -> None:
    if units != cart.units:
        offers = _offers(units, changed)
        _compare(expected, cart)
        _write(cart, units, offers, now)


def remove_line(
    customer: int, product: int, *, now: datetime, expected: CartVersion | None = None
) -> None:
    """Removes a product from the customer's cart. Raises NotInCart, StaleVersion."""
    with _locked(customer) as cart:
        _compare(expected, cart)
        if product not in cart.units:
            raise NotInCart
        _write(cart, {id: n for id, n in cart.units.items() if id != product}, {}, now)


def delete_cart(customer: int, *, expected: CartVersion | None = None) -> None:
    """Deletes the customer's cart, if there is one. Raises StaleVersion."""
    with _locked(customer) as cart:
        _compare(expected, cart)
        end([customer])


def ensure_cart(customer: int, *, now: datetime) -> UUID:
    """Returns the id of the customer's cart. Makes an empty one if there is none."""
    with _locked(customer) as cart:
        return cart.id or _write(cart, {}, {}, now)[0]


def add_unit(customer: int, product: int, *, now: datetime) -> int:
    """Adds a unit of a product to the customer's cart. Returns the cart's number.

    The cart may have more units than are available, but a product without an available unit is
    refused. Raises UnknownProducts (also for archived products), InsufficientStock, CartFull.
    """
    with _locked(customer) as cart:
        units = cart.units | {product: cart.units.get(product, 0) + 1}
        offers = _offers(units, {product: units[product]})
        if not inventory.available([product]).get(product):
            line = {"product": product, "requested": 1, "available": 0}
            raise InsufficientStock([{"code": InsufficientStock.code, **line}])
        return _write(cart, units, offers, now)[1]


def remove_unit(customer: int, product: int, *, now: datetime) -> int:
    """Removes a unit of a product from the customer's cart. Returns the cart's number.

    With its last unit, a line is deleted; the cart stays. Raises NotInCart, NotFound (the product
    is neither in the cart nor on sale).
    """
    with _locked(customer) as cart:
        if product not in cart.units:
            raise NotInCart if catalog.offers([product]) else NotFound
        units = cart.units | {product: cart.units[product] - 1}
        return _write(cart, {id: n for id, n in units.items() if n}, {}, now)[1]


def renew_cart(id: UUID, *, now: datetime) -> int | None:
    """Gives the cart with this id another id and number. It keeps its lines. Returns its customer;
    None if no cart has this id."""
    rows = database.rows(carts.RENEW, {"new": new_id(), "now": now, "id": id})
    return rows[0][0] if rows else None


def end(customers: Sequence[int]) -> None:
    """Ends the locked carts of customers: they were submitted or deleted."""
    database.execute(carts.END, [list(customers)])


def expire_carts(*, now: datetime, limit: int) -> int:
    """Deletes up to `limit` carts that were not changed for KEPT, and those of deleted accounts,
    without those that are locked. Returns their number."""
    over = Q(updated_at__lt=now - KEPT) | Q(customer__deleted_at__isnull=False)
    rows = Cart.objects.filter(over, order__isnull=False).order_by("updated_at", "customer")
    with transaction.atomic(durable=True):
        locked = list(rows.select_for_update(of=("self",), skip_locked=True)[:limit])
        end([cart.customer_id for cart in locked])
    return len(locked)


@contextmanager
def _locked(customer: int) -> Iterator[CartRow]:
    """Opens a transaction and locks the customer's row, which is made if there is none."""
    with transaction.atomic(durable=True), database.pipeline():
        database.execute(carts.MAKE, [customer])
        yield cart_row(customer, database.rows(carts.LOCK, [customer]))


def _compare(expected: CartVersion | None, cart: CartRow) -> None:
    """Raises StaleVersion if the cart, or without one the last cart, is not the `expected` one."""
    if expected not in {None, (cart.id or cart.ended, cart.version)}:
        raise StaleVersion(cart.version)


def _write(
    cart: CartRow, units: Units, offers: Mapping[int, Offer], now: datetime
) -> tuple[UUID, int]:
    """Writes the units of a locked cart, as one change: those of its lines first, then new ones at
    the customer's current prices. Returns its id and number."""
    lines = [
        StoredLine(line.id, line.product, units[line.product], line.unit_price)
        for line in cart.lines
        if line.product in units
    ]
    prices = prices_for(cart.customer, offers.values())
    lines += [
        StoredLine(None, product, quantity, prices[product])
        for product, quantity in units.items()
        if product not in cart.units
    ]
    id, began = (new_id(), now) if cart.id is None else (cart.id, cart.created_at)
    version = max(1, cart.version) + 1 if lines or cart.id else 1
    values = {
        "customer": cart.customer,
        "id": id,
        "version": version,
        "lines": msgspec.json.encode(lines).decode(),
        "created_at": began,
        "updated_at": now,
        "ended": cart.ended,
    }
    ((number,),) = database.rows(carts.WRITE, values)
    return id, int(number)


def _offers(units: Units, changed: Units) -> dict[int, Offer]:
    """Returns the products of the changed lines. Raises the refusals of the lines and the cart."""
    offers = catalog.offers(changed) if changed else {}
    unknown = [
        {"code": UnknownProducts.code, "product": id, "requested": quantity, "available": 0}
        for id, quantity in changed.items()
        if id not in offers
    ]
    full = {id: quantity for id, quantity in changed.items() if quantity > MAX_UNITS}
    refusals: list[DomainError] = [UnknownProducts(unknown)] if unknown else []
    refusals += [CartFull(MAX_UNITS, full)] if full else []
    refusals += [CartFull(MAX_LINES)] if len(units) > MAX_LINES else []
    if refusals:
        raise together(refusals)
    return offers
