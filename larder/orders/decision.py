"""The decision: which orders of a group can be placed. Pure: no database, no clock.

Deciding a group gives the same as deciding its orders one after the other, in the group's
order: each sees the shelf as the ones before it left it.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from msgspec import Struct

from larder.catalog.queries import Offer
from larder.core.errors import DomainError, refusal
from larder.orders.errors import PRECEDENCE, OrderRule, OrderTooSmall, PriceChanged


class Wanted(Struct, frozen=True):
    """A line as it was asked for. `expected_price` is what the customer was shown, a unit."""

    product: int
    quantity: int
    expected_price: Decimal | None = None


class _Totals(NamedTuple):
    """The least an order may come to, and what its customer was shown, if they said so."""

    least: Decimal
    expected: Decimal | None


class PricedLine(Struct, frozen=True):
    """A line as it is sold: lines of one product added up, at the server's price."""

    offer: Offer
    quantity: int
    unit_price: Decimal

    @property
    def total(self) -> Decimal:
        """Exact: quantity × unit price."""
        return self.unit_price * self.quantity


def add_up(lines: Sequence[Wanted]) -> dict[int, int]:
    """Units by product, in the order of first appearance."""
    quantities: dict[int, int] = {}
    for line in lines:
        quantities[line.product] = quantities.get(line.product, 0) + line.quantity
    return quantities


def decide(
    orders: Sequence[Sequence[Wanted]],
    *,
    shelf: Mapping[int, int],
    offers: Mapping[int, Offer],
    prices: Sequence[Mapping[int, Decimal]],
    minimum_total: Decimal = Decimal(0),
    expected_totals: Sequence[Decimal | None] | None = None,
) -> list[list[PricedLine] | DomainError]:
    """For each order its priced lines, or why it is refused as a whole.

    `shelf` is what is available of each locked product, `offers` the products that can be
    ordered, `prices` what they cost the customer of each order. An order with an expected total
    is refused at any other, and its lines' expected prices then say which of them changed.
    """
    left = dict(shelf)
    decided: list[list[PricedLine] | DomainError] = []
    expected = expected_totals or [None] * len(orders)
    for wanted, price, total in zip(orders, prices, expected, strict=True):
        one = _decide_one(wanted, left, offers, price, _Totals(minimum_total, total))
        decided.append(one)
        if isinstance(one, list):
            for line in one:
                left[line.offer.id] -= line.quantity
    return decided


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
    refused = refusal(faulty, PRECEDENCE) if faulty else None
    if differs and isinstance(refused, PriceChanged | OrderRule | None):
        return PriceChanged(faulty, total, totals.expected)
    if refused is not None:
        return refused
    if total < totals.least:
        return OrderTooSmall(total, totals.least)
    return [PricedLine(offers[id], units, prices[id]) for id, units in quantities.items()]


def _total(wanted: Sequence[Wanted], prices: Mapping[int, Decimal]) -> Decimal:
    """At today's prices; what is no longer sold counts as the customer last saw it."""
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
            told = {"product": product, "requested": requested, "available": available}
            faults.append({"code": code, **told})
    return faults


def _changed_prices(
    wanted: Sequence[Wanted], prices: Mapping[int, Decimal]
) -> list[dict[str, Any]]:
    faults: dict[int, dict[str, Any]] = {}
    for line in wanted:
        price, expected = prices.get(line.product), line.expected_price
        if price is not None and expected is not None and price != expected:
            told = {"product": line.product, "expected": expected, "price": price}
            faults[line.product] = {"code": "price_changed", **told}
    return list(faults.values())


def broken_rules(
    quantities: Mapping[int, int], offers: Mapping[int, Offer]
) -> list[dict[str, Any]]:
    """The lines (units by product) that break a rule of the shop, as a refusal names them."""
    faults = []
    for product, requested in quantities.items():
        offer = offers.get(product)
        if offer is not None and not _fits(offer, requested):
            told = {
                "product": product,
                "requested": requested,
                "min_quantity": offer.min_quantity,
                "max_per_order": offer.max_per_order,
                "step": offer.step,
            }
            faults.append({"code": "order_rule", **told})
    return faults


def _fits(offer: Offer, requested: int) -> bool:
    most = requested if offer.max_per_order is None else offer.max_per_order
    return offer.min_quantity <= requested <= most and requested % offer.step == 0
