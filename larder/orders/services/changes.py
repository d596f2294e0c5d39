"""Changes a placed order: replaces its lines, changes its details, or both.

One transaction takes new units from stock and gives others back. Unchanged and removed lines are
always accepted: the order was promised these units. Added and reduced lines are refused for the
same reasons as in placing, except that a line of a product that is no longer sold can be reduced.
If the order already has the requested values, nothing changes, so a client can repeat a change
whose answer it has not received.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, TypedDict

from msgspec.structs import replace as with_rules

from larder.catalog import queries as catalog
from larder.catalog.prices import prices_for
from larder.catalog.queries import Offer
from larder.core.errors import DomainError, together
from larder.identity import queries as identity
from larder.identity.caller import Caller
from larder.identity.ordering import ordering_refusal
from larder.inventory.services import movements as inventory
from larder.inventory.services.movements import Balance
from larder.orders.decision import Market, PricedLine, Wanted, add_up, decide
from larder.orders.errors import CurrencyChanged, OrderRule, PaymentRequired
from larder.orders.lifecycle import CANCELLED, PERMISSIONS, PLACED, Move
from larder.orders.payment_state import NOTHING as NO_PAYMENTS
from larder.orders.payment_state import payable, secured
from larder.orders.queries import LineView
from larder.orders.services.locks import submit_unpaid
from larder.orders.services.placing.placement import Terms
from larder.orders.services.refunds import balances_of
from larder.orders.services.transitions import (
    LockedOrder,
    StockMove,
    Transition,
    TransitionRequest,
    begin,
    is_undone,
    lock,
    moving,
    write,
)


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
    lines: Sequence[Wanted] | None = None,
    details: Details = NOTHING,
) -> bool:
    """Replaces the lines of a placed order (at least one; None keeps them), its details, or both.
    Returns whether it repeats an earlier request with its key.

    Changes everything or nothing. A line keeps its price, also for added units; new lines get
    today's price. A shop that needs payment lets customers raise the order to what is paid or
    authorised. If packing was undone, customers cannot add units to a line whose price was
    raised since. A request for values that the order already has changes nothing: it needs
    neither `request.version` nor an order that can still be changed.

    Raises UnknownProducts, InsufficientStock, PriceChanged and OrderRule, which name every faulty
    line; OrderTooSmall if the total falls; CurrencyChanged for new lines; UnpaidLimit, and what
    `ordering_refusal` returns, if units are added; PaymentRequired; and what
    `transitions.begin` and `transitions.write` raise.
    """

    request = replace(request, lines=len(lines or ()))
    with moving(request) as is_repeat:
        if is_repeat:
            return True
        order = lock(request)
        has_details = all(getattr(order.row, name) == value for name, value in details.items())
        has_lines = lines is None or _has(order, lines)
        is_satisfied = has_details and has_lines and order.status != CANCELLED
        if not begin(order, request, Move.CHANGE, is_satisfied=is_satisfied):
            return False
        transition = Transition(type="changed", status=PLACED)
        if lines is not None and not has_lines:
            if _adds(order, lines):
                _require_leave_to_add(order, lines, request, terms)
            transition = _with_lines(transition, order, lines, terms, request.caller)
        write(order, request, Move.CHANGE, _with_details(transition, order, details))
    return False


def _units(order: LockedOrder) -> dict[int, int]:
    return {one.product: one.quantity for one in order.lines}


def _has(order: LockedOrder, lines: Sequence[Wanted]) -> bool:
    """Returns whether the order has these lines, at their expected prices if they have one."""
    prices = {one.product: one.unit_price for one in order.lines}
    expected = all(one.expected_price in {None, prices.get(one.product)} for one in lines)
    return expected and add_up(lines) == _units(order)


def _adds(order: LockedOrder, lines: Sequence[Wanted]) -> bool:
    before = _units(order)
    return any(units > before.get(product, 0) for product, units in add_up(lines).items())


def _require_leave_to_add(
    order: LockedOrder, lines: Sequence[Wanted], request: TransitionRequest, terms: Terms
) -> None:
    caller, customer = request.caller, order.row.customer_id
    account = identity.standing([customer]).get(customer)
    if refused := ordering_refusal(account, actor=caller.public_id):
        raise refused
    if not caller.may(PERMISSIONS[Move.CHANGE]):
        unpaid = submit_unpaid([customer], terms.unpaid_units, request.now, without=order.id)()
        units = sum(line.quantity for line in lines)
        if customer in unpaid and (beyond := unpaid[customer].refusal(units)):
            raise beyond


def _with_details(transition: Transition, order: LockedOrder, details: Details) -> Transition:
    other = {name: value for name, value in details.items() if value != getattr(order.row, name)}
    for name, value in other.items():
        before, after = _plain(getattr(order.row, name)), _plain(value)
        transition = replace(transition, event_data=_event_data(transition, name, before, after))
    return replace(transition, details=other)


def _plain(value: Any) -> Any:
    """Returns the value as the event's JSON has it."""
    return value.isoformat() if isinstance(value, date) else value


def _with_lines(
    transition: Transition,
    order: LockedOrder,
    lines: Sequence[Wanted],
    terms: Terms,
    caller: Caller,
) -> Transition:
    before, after = _units(order), add_up(lines)
    # Locks all rows in product order. The products are read after that.
    balances = inventory.lock(before.keys() | after.keys())
    priced = _decided(order, lines, balances, terms, caller)
    if terms.own_hold is not None and not caller.may(PERMISSIONS[Move.CHANGE]):
        _require_payment(order, priced)
    old = {one.product: one for one in order.lines}
    return replace(
        transition,
        event_data=_event_data(transition, "lines", _listed(before), _listed(after)),
        stock_moves=_stock_moves(before, after),
        quantities={
            line.id: after.get(product, 0)
            for product, line in old.items()
            if after.get(product, 0) != line.quantity
        },
        added=[line for line in priced if line.offer.id not in old],
        balances=balances,
    )


def _require_payment(order: LockedOrder, lines: Sequence[PricedLine]) -> None:
    """Raises PaymentRequired if these lines cost more than the present ones, and more than is paid
    for the order or authorised."""
    currency = order.row.currency
    total = sum((line.total for line in lines), Decimal(0))
    before, after = (payable(PLACED, exact, currency) for exact in (order.total, total))
    paid = secured(balances_of(order.row) or NO_PAYMENTS)
    if after > max(before, paid):
        raise PaymentRequired(after - paid, paid, currency)


def _minimum_total(order: LockedOrder, terms: Terms) -> Decimal:
    """Returns the lowest total of the changed order: at most its present one, because the shop may
    have raised its minimum since the order was placed, or sells in another currency now."""
    is_same = order.row.currency == terms.currency
    return min(order.total, terms.minimum_total) if is_same else Decimal(0)


def _decided(
    order: LockedOrder,
    lines: Sequence[Wanted],
    balances: Mapping[int, Balance],
    terms: Terms,
    caller: Caller,
) -> list[PricedLine]:
    """Returns the priced lines, decided as in placing: the order's own units count as available.

    Raises the refusals of all lines together.
    """
    old = {one.product: one for one in order.lines}
    shelf = {product: balance.available for product, balance in balances.items()}
    for product, line in old.items():
        shelf[product] += line.quantity
    wanted = add_up(lines)
    offers = _offers(old, wanted, catalog.offers(balances))
    foreign = _without_price(order, wanted, offers, terms)
    is_free = caller.may(PERMISSIONS[Move.CHANGE])
    limited = {} if is_free else _limited(order, wanted, offers, terms)
    offers |= limited
    today = prices_for(order.row.customer_id, offers.values())
    prices = {**today, **{product: line.unit_price for product, line in old.items()}}
    market, minimum = Market(shelf, offers, [prices]), _minimum_total(order, terms)
    others = [line for line in lines if line.product not in foreign]
    (decided,) = decide([others], market, minimum_total=minimum)
    if isinstance(decided, OrderRule):
        for refused in decided.lines:
            if refused["product"] in limited:
                refused["reason"] = "former_price"
    faulty = [{"code": CurrencyChanged.code, "product": product} for product in foreign]
    refusals = [CurrencyChanged(faulty, order.row.currency, terms.currency)] if foreign else []
    if isinstance(decided, DomainError):
        raise together([*refusals, decided])
    if refusals:
        raise refusals[0]
    return decided


def _without_price(
    order: LockedOrder, wanted: Mapping[int, int], offers: Mapping[int, Offer], terms: Terms
) -> list[int]:
    """Returns the new products that have no price in the currency of the order."""
    if order.row.currency == terms.currency:
        return []
    return sorted((wanted.keys() & offers.keys()) - _units(order).keys())


def _offers(
    old: Mapping[int, LineView], wanted: Mapping[int, int], offers: Mapping[int, Offer]
) -> dict[int, Offer]:
    """Returns the products that can be ordered. An unchanged line is exempt from rules that were
    added later. A line of a product that is no longer sold can be reduced."""
    allowed = dict(offers)
    for product, line in old.items():
        units = wanted.get(product, 0)
        if units == line.quantity or (product not in offers and units < line.quantity):
            price = line.unit_price
            allowed[product] = Offer(product, line.sku, line.name, price, 1, None, 1)
    return allowed


def _limited(
    order: LockedOrder, wanted: Mapping[int, int], offers: Mapping[int, Offer], terms: Terms
) -> dict[int, Offer]:
    """Returns the products whose lines cannot get more units: those at a former, lower price, if
    packing was undone. Packing ends the sale at a former price, and staff who may undo it need not
    be allowed to change orders."""
    today = prices_for(order.row.customer_id, offers.values())
    limited = {
        one.product: with_rules(offers[one.product], max_per_order=one.quantity)
        for one in order.lines
        if wanted.get(one.product, 0) > one.quantity and one.product in offers
        if order.row.currency != terms.currency or one.unit_price < today[one.product]
    }
    return limited if limited and is_undone(order, Move.UNPACK) else {}


def _stock_moves(before: Mapping[int, int], after: Mapping[int, int]) -> list[StockMove]:
    more = {
        product: after.get(product, 0) - before.get(product, 0) for product in {**before, **after}
    }
    return [StockMove(product, -units, units, "change") for product, units in more.items() if units]


def _event_data(transition: Transition, what: str, before: Any, after: Any) -> dict[str, Any]:
    """Returns the event's data with the values of another field before and after the change."""
    event_data = transition.event_data
    return {
        "before": {**event_data.get("before", {}), what: before},
        "after": {**event_data.get("after", {}), what: after},
    }


def _listed(units: Mapping[int, int]) -> list[dict[str, Any]]:
    return [{"product": product, "quantity": quantity} for product, quantity in units.items()]
