"""Decides which orders of a batch can be placed. Pure: no database, no clock.

The result is the same as deciding the orders one after the other, in the order of the batch: each
order takes its units from those that the orders before it left, and one unit of its customer's
quota. A refused order takes nothing.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from msgspec import Struct

from larder.catalog.queries import Offer
from larder.core.errors import DomainError, refusal, together
from larder.identity.services.quotas import QuotaExceeded, Remaining
from larder.orders.errors import (
    PRECEDENCE,
    OrderRule,
    OrderTooSmall,
    PriceChanged,
    UnpaidLimit,
)


class Wanted(Struct, frozen=True):
    """A requested line. `expected_price` is the price of a unit that the customer was shown."""

    product: int
    quantity: int
    expected_price: Decimal | None = None


class _Totals(NamedTuple):
    """The minimum total of an order, and the total that the customer was shown, if it was sent."""

    least: Decimal
    expected: Decimal | None


class UnpaidUnits(NamedTuple):
    """How many units a customer may have ordered without paying, and how many there are."""

    limit: int
    units: int

    def refusal(self, requested: int) -> UnpaidLimit | None:
        """Returns the refusal of so many units more, if they are beyond the limit."""
        is_beyond = self.units + requested > self.limit
        return UnpaidLimit(self.limit, self.units, requested) if is_beyond else None


class CountedOrders(NamedTuple):
    """The customer of each order that customers place themselves, None for others; the quota of
    orders and the unpaid units of each. Customers without a limit are not in the mappings."""

    customers: Sequence[int | None]
    quotas: Mapping[int, Remaining] = {}
    unpaid: Mapping[int, UnpaidUnits] = {}


class PricedLine(Struct, frozen=True):
    """The lines of one product, added up, at the server's price."""

    offer: Offer
    quantity: int
    unit_price: Decimal

    @property
    def total(self) -> Decimal:
        """Exact: quantity × unit price."""
        return self.unit_price * self.quantity


def add_up(lines: Sequence[Wanted]) -> dict[int, int]:
    """Returns units by product, in the order of first appearance."""
    quantities: dict[int, int] = {}
    for line in lines:
        quantities[line.product] = quantities.get(line.product, 0) + line.quantity
    return quantities


class Market(NamedTuple):
    """What a batch can get: the `available` units of each locked product, the products that
    can be ordered, and the prices for the customer of each order."""

    available: Mapping[int, int]
    offers: Mapping[int, Offer]
    prices: Sequence[Mapping[int, Decimal]]


def decide(
    orders: Sequence[Sequence[Wanted]],
    market: Market,
    *,
    minimum_total: Decimal = Decimal(0),
    expected_totals: Sequence[Decimal | None] | None = None,
    counted: CountedOrders | None = None,
) -> list[list[PricedLine] | DomainError]:
    """Returns for each order its priced lines, or its refusal.

    An order with an expected total is refused if its total differs; the expected prices of its
    lines then show which prices changed. First of all, an order is refused
    whose customer has no order left (QuotaExceeded), then one with too many units (UnpaidLimit).
    """
    offers, prices = market.offers, market.prices
    left = dict(market.available)
    decided: list[list[PricedLine] | DomainError] = []
    expected = expected_totals or [None] * len(orders)
    limits = _Limits(counted or CountedOrders([None] * len(orders)))
    each = zip(orders, prices, expected, limits.customers, strict=True)
    for wanted, price, total, customer in each:
        units = sum(line.quantity for line in wanted)
        decision = limits.refusal(customer, units) or _decide_one(
            wanted, left, offers, price, _Totals(minimum_total, total)
        )
        decided.append(decision)
        if isinstance(decision, list):
            for line in decision:
                left[line.offer.id] -= line.quantity
            limits.count(customer, units)
    return decided


class _Limits:
    """What the customers of a batch may still order."""

    def __init__(self, counted: CountedOrders) -> None:
        self.customers = counted.customers
        self._quotas = dict(counted.quotas)
        self._unpaid = dict(counted.unpaid)

    def refusal(self, customer: int | None, units: int) -> DomainError | None:
        """Returns the refusal of an order of so many units, None within the limits."""
        if customer is None:
            return None
        quota = self._quotas.get(customer)
        if quota is not None and not quota.units:
            return QuotaExceeded(quota)
        unpaid = self._unpaid.get(customer)
        return unpaid.refusal(units) if unpaid else None

    def count(self, customer: int | None, units: int) -> None:
        """Counts a placed order."""
        if customer is None:
            return
        if quota := self._quotas.get(customer):
            self._quotas[customer] = quota.after(1)
        if unpaid := self._unpaid.get(customer):
            self._unpaid[customer] = unpaid._replace(units=unpaid.units + units)


def _decide_one(
    wanted: Sequence[Wanted],
    left: Mapping[int, int],
    offers: Mapping[int, Offer],
    prices: Mapping[int, Decimal],
    totals: _Totals,
) -> list[PricedLine] | DomainError:
    quantities, total = add_up(wanted), _total(wanted, prices)
    differs = totals.expected not in {None, total}
    faulty = [
        *_faults_of_products(quantities, left, offers),
        *(_changed_prices(wanted, prices) if totals.expected is None or differs else ()),
        *broken_rules(quantities, offers),
    ]
    refusals = [refusal(faulty, PRECEDENCE)] if faulty else []
    if differs:
        first = all(isinstance(one, PriceChanged | OrderRule) for one in refusals)
        changed = PriceChanged(faulty if first else [], total, totals.expected)
        refusals = [changed] if first else [*refusals, changed]
    if total < totals.least and quantities.keys() <= prices.keys():
        refusals.append(OrderTooSmall(total, totals.least))
    if refusals:
        return together(refusals)
    return [PricedLine(offers[id], units, prices[id]) for id, units in quantities.items()]


def _total(wanted: Sequence[Wanted], prices: Mapping[int, Decimal]) -> Decimal:
    """Returns the total at current prices. A product that is no longer sold counts with its
    expected price."""
    unknown = Decimal(0)
    return sum(
        (one.quantity * prices.get(one.product, one.expected_price or unknown) for one in wanted),
        unknown,
    )


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
    wanted: Sequence[Wanted], prices: Mapping[int, Decimal]
) -> list[dict[str, Any]]:
    faults: dict[int, dict[str, Any]] = {}
    for line in wanted:
        price, expected = prices.get(line.product), line.expected_price
        if price is not None and expected is not None and price != expected:
            prices_of = {"product": line.product, "expected": expected, "price": price}
            faults[line.product] = {"code": "price_changed", **prices_of}
    return list(faults.values())


def broken_rules(
    quantities: Mapping[int, int], offers: Mapping[int, Offer]
) -> list[dict[str, Any]]:
    """Returns the lines (units by product) that break a rule of the shop, as a refusal has them."""
    faults = []
    for product, requested in quantities.items():
        offer = offers.get(product)
        if offer is not None and not _fits(offer, requested):
            rule = {
                "product": product,
                "requested": requested,
                "min_quantity": offer.min_quantity,
                "max_per_order": offer.max_per_order,
                "step": offer.step,
            }
            faults.append({"code": "order_rule", **rule})
    return faults


def _fits(offer: Offer, requested: int) -> bool:
    most = requested if offer.max_per_order is None else offer.max_per_order
    return offer.min_quantity <= requested <= most and requested % offer.step == 0
