"""Changes placed orders. Unchanged and removed lines are always accepted: the order was promised
these units. Added and reduced lines are refused for the same reasons as in placing, except that a
line of a product that is no longer sold can be reduced.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, TypedDict

from msgspec.structs import replace

from larder.catalog import prices as catalog
from larder.catalog.prices import Offer, prices_for
from larder.core.errors import DomainError, together
from larder.identity import queries as identity
from larder.identity.queries import ordering_refusal
from larder.orders.decision import RequestedLine, Shop, UndecidedOrder, add_up, decide
from larder.orders.errors import CurrencyChanged, PaymentRequired
from larder.orders.lifecycle import CANCELLED, PLACED, UNDONE, Move
from larder.orders.payment_state import NOTHING as NO_PAYMENTS
from larder.orders.payment_state import payable
from larder.orders.queries import LineView, UnpaidUnits, submit_unpaid
from larder.orders.services.placing.placement import Terms
from larder.orders.services.transitions import LockedOrder, Moved, TransitionRequest, moving


class Details(TypedDict, total=False):
    """Details of an order. Missing keys are not changed."""

    note: str
    reference: str
    ship_to: dict[str, Any] | None
    requested_for: date | None


NOTHING = Details()


def change_order(
    request: TransitionRequest,
    *,
    terms: Terms,
    lines: Sequence[RequestedLine] | None = None,
    details: Details = NOTHING,
) -> Moved:
    """Replaces the lines of a placed order (at least one; None keeps them), its details, or both.

    A line keeps its price, also for added units; new lines get today's price. A shop that needs
    payment lets customers raise the order to what is paid or authorised.

    Raises what `decide` returns, CurrencyChanged (new lines), PaymentRequired, what
    `ordering_refusal` returns (added units), and what `moving`, `begins` and `write` raise.
    """
    products = None if lines is None else {line.product for line in lines}
    with moving(request, Move.CHANGE, products=products) as order:
        has_details = all(getattr(order.row, name) == value for name, value in details.items())
        has_lines = lines is None or _has(order, lines)
        is_satisfied = has_details and has_lines and order.status != CANCELLED
        begun = order.begins(is_satisfied=is_satisfied)
        if begun is None:
            return order.unmoved
        return _change(begun, () if has_lines else lines or (), details, terms)


def _change(
    order: LockedOrder, requested: Sequence[RequestedLine], details: Details, terms: Terms
) -> Moved:
    new = {name: value for name, value in details.items() if value != getattr(order.row, name)}
    before = {name: getattr(order.row, name) for name in new}
    after = dict(new)
    lines, movements = order.lines, []
    if requested:
        lines = _lines(order, requested, terms)
        old, units = order.units, add_up(requested)
        before, after = {**before, "lines": _listed(old)}, {**after, "lines": _listed(units)}
        more = {product: units.get(product, 0) - old.get(product, 0) for product in old | units}
        movements = [order.movement(product, -n, n, "change") for product, n in more.items() if n]
    return order.write(
        PLACED,
        data={"before": before, "after": after},
        lines=lines,
        movements=movements,
        details=new,
    )


def _has(order: LockedOrder, lines: Sequence[RequestedLine]) -> bool:
    """Returns whether the order has these lines, at their expected prices if they have one."""
    prices = {line.product: line.unit_price for line in order.lines}
    expected = all(line.expected_price in {None, prices.get(line.product)} for line in lines)
    return expected and add_up(lines) == order.units


def _unpaid(
    order: LockedOrder, lines: Sequence[RequestedLine], terms: Terms
) -> Mapping[int, UnpaidUnits]:
    """Returns the limit of unpaid units that counts: of customers who add units. Raises the refusal
    of units that are added for an account that may not order."""
    customer, now = order.row.customer_id, order.request.now
    before, after = order.units, add_up(lines)
    if all(after[product] <= before.get(product, 0) for product in after):
        return {}
    account = identity.submit_standing([customer])().get(customer)
    if refused := ordering_refusal(account, actor=order.caller.public_id):
        raise refused
    if order.is_by_staff:
        return {}
    return submit_unpaid([customer], terms.unpaid_units, now, without=order.row.id)()


def _lines(order: LockedOrder, requested: Sequence[RequestedLine], terms: Terms) -> list[LineView]:
    """Returns the lines of the changed order: those that stay, and then the new ones."""
    priced = _decided(order, requested, terms)
    if terms.own_hold is not None and not order.is_by_staff:
        _require_payment(order, priced)
    units = add_up(requested)
    left = [
        replace(line, quantity=units[line.product]) for line in order.lines if line.product in units
    ]
    old = order.units
    return left + [line for line in priced if line.product not in old]


def _require_payment(order: LockedOrder, lines: Sequence[LineView]) -> None:
    """Raises PaymentRequired if these lines cost more than the present ones and than is secured."""
    currency = order.row.currency
    total = sum((line.line_total for line in lines), Decimal(0))
    before, after = (payable(PLACED, exact, currency) for exact in (order.row.total, total))
    paid = (order.row.payments or NO_PAYMENTS).secured
    if after > max(before, paid):
        raise PaymentRequired(after - paid, paid, currency)


def _minimum_total(order: LockedOrder, terms: Terms) -> Decimal:
    """Returns the lowest total of the changed order: at most its present one, because the shop may
    have raised its minimum since the order was placed, or sells in another currency now."""
    is_same = order.row.currency == terms.currency
    return min(order.row.total, terms.minimum_total) if is_same else Decimal(0)


def _decided(order: LockedOrder, lines: Sequence[RequestedLine], terms: Terms) -> list[LineView]:
    """Returns the priced lines, decided as in placing: the order's own units count as available.

    Raises the refusals of all lines together: CurrencyChanged for new ones, which have no price in
    the order's currency, and those of the others.
    """
    unpaid, old = _unpaid(order, lines, terms), {line.product: line for line in order.lines}
    # The products are read after the lock of their stock.
    shelf = {product: balance.available for product, balance in order.balances.items()}
    for product, line in old.items():
        shelf[product] += line.quantity
    units = add_up(lines)
    offers = _offers(old, units, catalog.offers(order.balances))
    new = sorted((units.keys() & offers.keys()) - old.keys())
    refusals: list[DomainError] = []
    if new and order.row.currency != terms.currency:
        faulty = [{"code": CurrencyChanged.code, "product": product} for product in new]
        refusals.append(CurrencyChanged(faulty, order.row.currency, terms.currency))
        lines = [line for line in lines if line.product not in new]
    today = prices_for(order.row.customer_id, offers.values())
    if UNDONE[Move.UNPACK] in order.events and not order.is_by_staff:
        # Packing ends the sale at a former price, also if it is undone (ADR 8).
        offers |= {
            product: replace(offers[product], max_per_order=line.quantity)
            for product, line in old.items()
            if product in offers
            if order.row.currency != terms.currency or line.unit_price < today[product]
        }
    prices = {**today, **{product: line.unit_price for product, line in old.items()}}
    shop = Shop(shelf, offers, _minimum_total(order, terms), unpaid=unpaid)
    (decided,) = decide([UndecidedOrder(lines, prices, None, order.row.customer_id)], shop)
    if isinstance(decided, DomainError):
        refusals.append(decided)
    elif not refusals:
        return decided
    raise together(refusals)


def _offers(
    old: Mapping[int, LineView], units: Mapping[int, int], offers: Mapping[int, Offer]
) -> dict[int, Offer]:
    """Returns the products that can be ordered. An unchanged line is exempt from rules that were
    added later. A line of a product that is no longer sold can be reduced."""
    allowed = dict(offers)
    for product, line in old.items():
        quantity = units.get(product, 0)
        if quantity == line.quantity or (product not in offers and quantity < line.quantity):
            price = line.unit_price
            allowed[product] = Offer(product, line.sku, line.name, price, 1, None, 1)
    return allowed


def _listed(units: Mapping[int, int]) -> list[dict[str, Any]]:
    return [{"product": product, "quantity": quantity} for product, quantity in units.items()]
