"""Decides which orders of a batch can be placed. Pure: no database, no clock.

The result is the same as deciding the orders one after the other, in the order of the batch: each
order takes its units from those that the orders before it left, and one unit of its customer's
quota. A refused order takes nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from msgspec import Struct

from larder.catalog.prices import Offer
from larder.core.errors import DomainError, refusal, together
from larder.identity.services.quotas import QuotaExceeded, Remaining
from larder.inventory.queries import StockedProduct
from larder.orders.errors import PRECEDENCE, OrderRule, OrderTooSmall, PriceChanged, UnpaidLimit
from larder.orders.queries import LineView, UnpaidUnits


class RequestedLine(Struct, frozen=True):
    """A requested line. `expected_price` is the price of a unit that the customer was shown."""

    product: int
    quantity: int
    expected_price: Decimal | None = None


def priced_line(offer: Offer, quantity: int, unit_price: Decimal) -> LineView:
    """Returns the line of a new order, without the id that the database gives it."""
    return LineView(
        0, offer.id, offer.sku, offer.name, quantity, unit_price, tax_rate=offer.tax_rate
    )


def add_up(lines: Sequence[RequestedLine]) -> dict[int, int]:
    """Returns units by product, in the order of first appearance."""
    quantities: dict[int, int] = {}
    for line in lines:
        quantities[line.product] = quantities.get(line.product, 0) + line.quantity
    return quantities


def orderable(offer: Offer, wanted: int, available: int) -> int:
    """Returns up to how many of the wanted units a line can have by stock and rules; 0 if none."""
    units = min(wanted, available, offer.max_per_order or wanted)
    units -= units % offer.step
    return units if units >= offer.min_quantity else 0


class UndecidedOrder(Struct, frozen=True):
    """An order to be decided: its lines, the customer's prices, and the total that the customer was
    shown, if it was sent. `counts_for` is the customer whose limits it counts for, if any."""

    lines: Sequence[RequestedLine]
    prices: Mapping[int, Decimal]
    expected_total: Decimal | None = None
    counts_for: int | None = None


class Shop(NamedTuple):
    """What a batch can get: the `available` units of each locked product, the products that can be
    ordered, and the least total of an order. `quotas` and `unpaid` are those of customers with a
    limit."""

    available: Mapping[int, int]
    offers: Mapping[int, Offer]
    minimum_total: Decimal = Decimal(0)
    quotas: Mapping[int, Remaining] = {}
    unpaid: Mapping[int, UnpaidUnits] = {}


def decide(orders: Sequence[UndecidedOrder], shop: Shop) -> list[list[LineView] | DomainError]:
    """Returns for each order its priced lines, or its refusal.

    An order whose customer has no order left is refused alone (QuotaExceeded). Other refusals are
    all named: first too many units (UnpaidLimit), then the faulty lines. An order with an expected
    total is refused if its total differs; the expected prices of its lines then show which prices
    changed.
    """
    left, placed, units = dict(shop.available), Counter[int](), Counter[int]()
    decided: list[list[LineView] | DomainError] = []
    for order in orders:
        # No customer has the number 0, so such an order has no limits.
        quantities, customer = add_up(order.lines), order.counts_for or 0
        requested = sum(quantities.values())
        decision: list[LineView] | DomainError
        if customer in shop.quotas and shop.quotas[customer].units <= placed[customer]:
            decision = QuotaExceeded(shop.quotas[customer].after(placed[customer]))
        else:
            beyond = _beyond(shop.unpaid.get(customer), units[customer], requested)
            decision = _decide_one(order, quantities, left, shop, beyond)
        decided.append(decision)
        if isinstance(decision, DomainError):
            continue
        for product, quantity in quantities.items():
            left[product] -= quantity
        placed[customer] += 1
        units[customer] += requested
    return decided


def _decide_one(
    order: UndecidedOrder,
    quantities: Mapping[int, int],
    left: Mapping[int, int],
    shop: Shop,
    beyond: UnpaidLimit | None,
) -> list[LineView] | DomainError:
    prices, expected, free = order.prices, order.expected_total, Decimal(0)
    # A product that is no longer sold counts with its expected price.
    costs = [
        line.quantity * prices.get(line.product, line.expected_price or free)
        for line in order.lines
    ]
    total = sum(costs, free)
    differs = expected not in {None, total}
    faulty = [
        *_faults_of_products(quantities, left, shop.offers),
        *(_changed_prices(order.lines, prices) if expected is None or differs else ()),
        *broken_rules(quantities, shop.offers).values(),
    ]
    refusals = [refusal(faulty, PRECEDENCE)] if faulty else []
    if differs:
        first = all(isinstance(each, PriceChanged | OrderRule) for each in refusals)
        changed = PriceChanged(faulty if first else [], total, expected)
        refusals = [changed] if first else [*refusals, changed]
    if total < shop.minimum_total and quantities.keys() <= prices.keys():
        refusals.append(OrderTooSmall(total, shop.minimum_total))
    if beyond is not None:
        refusals.insert(0, beyond)
    if refusals:
        return together(refusals)
    return [priced_line(shop.offers[id], units, prices[id]) for id, units in quantities.items()]


def _beyond(unpaid: UnpaidUnits | None, placed: int, requested: int) -> UnpaidLimit | None:
    """Returns the refusal of more units than the limit, after those `placed` in this batch."""
    if unpaid is None or unpaid.units + placed + requested <= unpaid.limit:
        return None
    return UnpaidLimit(unpaid.limit, unpaid.units + placed, requested)


def _faults_of_products(
    quantities: Mapping[int, int], left: Mapping[int, int], offers: Mapping[int, Offer]
) -> list[dict[str, Any]]:
    faults = []
    for product, requested in quantities.items():
        available = left.get(product, 0) if product in offers else 0
        if requested > available:
            code = "insufficient_stock" if product in offers else "unknown_product"
            units = {"product": product, "requested": requested, "available": available}
            faults.append({"code": code, **units})
    return faults


def _changed_prices(
    lines: Sequence[RequestedLine], prices: Mapping[int, Decimal]
) -> list[dict[str, Any]]:
    faults: dict[int, dict[str, Any]] = {}
    for line in lines:
        price, expected = prices.get(line.product), line.expected_price
        if price is not None and expected is not None and price != expected:
            prices_of = {"product": line.product, "expected": expected, "price": price}
            faults[line.product] = {"code": "price_changed", **prices_of}
    return list(faults.values())


def broken_rules(
    quantities: Mapping[int, int], offers: Mapping[int, Offer] | Mapping[int, StockedProduct]
) -> dict[int, dict[str, Any]]:
    """Returns the lines that break a rule of the shop, as a refusal has them, by product."""
    faults = {}
    for product, requested in quantities.items():
        offer = offers.get(product)
        if offer is None:
            continue
        least, most, step = offer.min_quantity, offer.max_per_order, offer.step
        if requested < least or requested % step or (most is not None and requested > most):
            rule = {"min_quantity": least, "max_per_order": most, "step": step}
            line = {"product": product, "requested": requested}
            faults[product] = {"code": "order_rule", **line, **rule}
    return faults
