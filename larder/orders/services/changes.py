"""Changing an order that was placed: the whole new set of its lines, and what goes with it.

Stock moves both ways in one transaction. What stays as it is, or is taken off, was promised
before and needs no new leave; for all else the refusals are those of placing. An order that is
already what is asked for is left at that, so that a change whose answer was lost can be repeated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, TypedDict
from uuid import UUID

from larder.catalog import queries as catalog
from larder.catalog.prices import prices_for
from larder.catalog.queries import Offer
from larder.core.errors import DomainError
from larder.identity import queries as identity
from larder.identity.ordering import why_not_order
from larder.inventory.services import movements as inventory
from larder.inventory.services.movements import Balance
from larder.orders.decision import PricedLine, Wanted, add_up, decide
from larder.orders.errors import CurrencyChanged, OrderTooSmall
from larder.orders.lifecycle import CANCELLED, PLACED, Move
from larder.orders.services.held_orders import Asked, HeldLine, HeldOrder, Shift, Step, carry_out
from larder.orders.services.placement import Terms


class Details(TypedDict, total=False):
    """What goes with an order. What is not in it stays as it is."""

    note: str
    reference: str
    ship_to: dict[str, Any] | None
    requested_for: date | None


NOTHING = Details()


def change_order(
    asked: Asked,
    *,
    terms: Terms,
    lines: Sequence[Wanted] | None = None,
    details: Details = NOTHING,
) -> None:
    """Gives a placed order other lines (at least one; None leaves them), other details, or both.

    All or nothing; every faulty line is named. A line keeps its price, also for units added to
    it; new lines get today's. What is so already leaves no trace and needs neither `asked.version`
    nor an order that can still be changed. Raises UnknownProducts, InsufficientStock, PriceChanged,
    OrderRule, OrderTooSmall (where the total falls), CurrencyChanged (new lines), what
    `why_not_order` finds (where units are added), and what `held_orders.carry_out` raises.
    """

    def change(held: HeldOrder) -> Step:
        step = Step(type="changed", status=PLACED)
        if lines is not None and not _has(held, lines):
            if _adds(held, lines):
                _refuse_to_add(held, lines, terms, asked.who.public_id)
            step = _with_lines(step, held, lines, terms)
        return _with_details(step, held, details)

    def is_so(held: HeldOrder) -> bool:
        same = all(getattr(held, name) == value for name, value in details.items())
        return held.status != CANCELLED and same and (lines is None or _has(held, lines))

    carry_out(replace(asked, lines=len(lines or ())), Move.CHANGE, change, is_so=is_so)


def _units(held: HeldOrder) -> dict[int, int]:
    return {one.product: one.quantity for one in held.lines}


def _has(held: HeldOrder, lines: Sequence[Wanted]) -> bool:
    """Whether the order has these lines, at these prices where they say what they expect."""
    prices = {one.product: one.unit_price for one in held.lines}
    expected = all(one.expected_price in {None, prices.get(one.product)} for one in lines)
    return expected and add_up(lines) == _units(held)


def _adds(held: HeldOrder, lines: Sequence[Wanted]) -> bool:
    before = _units(held)
    return any(units > before.get(product, 0) for product, units in add_up(lines).items())


def _refuse_to_add(held: HeldOrder, lines: Sequence[Wanted], terms: Terms, actor: UUID) -> None:
    account = identity.standing([held.customer]).get(held.customer)
    if refused := why_not_order(account, actor=actor):
        raise refused
    new = add_up(lines).keys() - _units(held).keys()
    if new and held.currency != terms.currency:
        told = [{"code": CurrencyChanged.code, "product": product} for product in sorted(new)]
        raise CurrencyChanged(told, held.currency, terms.currency)


def _with_details(step: Step, held: HeldOrder, details: Details) -> Step:
    other = {name: value for name, value in details.items() if value != getattr(held, name)}
    for name, value in other.items():
        before, after = _plain(getattr(held, name)), _plain(value)
        step = replace(step, data=_told(step, name, before, after))
    return replace(step, details=other)


def _plain(value: Any) -> Any:
    """As it stands in the event, which is JSON."""
    return value.isoformat() if isinstance(value, date) else value


def _with_lines(step: Step, held: HeldOrder, lines: Sequence[Wanted], terms: Terms) -> Step:
    before, after = _units(held), add_up(lines)
    # All at once, in the one order of products; and the products looked at only then.
    balances = inventory.lock(before.keys() | after.keys())
    priced = _decided(held, lines, balances)
    _refuse_too_small(held, priced, terms)
    old = {one.product: one for one in held.lines}
    return replace(
        step,
        data=_told(step, "lines", _listed(before), _listed(after)),
        shifts=_shifts(before, after),
        quantities={
            line.id: after.get(product, 0)
            for product, line in old.items()
            if after.get(product, 0) != line.quantity
        },
        added=[line for line in priced if line.offer.id not in old],
        balances=balances,
    )


def _refuse_too_small(held: HeldOrder, priced: Sequence[PricedLine], terms: Terms) -> None:
    """The least total may have been raised since; an order that does not fall was promised."""
    total = sum((one.total for one in priced), Decimal(0))
    if held.currency == terms.currency and total < min(held.total, terms.minimum_total):
        raise OrderTooSmall(total, terms.minimum_total)


def _decided(
    held: HeldOrder, lines: Sequence[Wanted], balances: Mapping[int, Balance]
) -> list[PricedLine]:
    """The decision of placing, on a shelf to which the order has put back what it holds."""
    old = {one.product: one for one in held.lines}
    shelf = {product: balance.available for product, balance in balances.items()}
    for product, line in old.items():
        shelf[product] += line.quantity
    offers = _offers(old, add_up(lines), catalog.offers(balances))
    today = prices_for(held.customer, offers.values())
    prices = {**today, **{product: line.unit_price for product, line in old.items()}}
    (decided,) = decide([lines], shelf=shelf, offers=offers, prices=[prices])
    if isinstance(decided, DomainError):
        raise decided
    return decided


def _offers(
    old: Mapping[int, HeldLine], wanted: Mapping[int, int], offers: Mapping[int, Offer]
) -> dict[int, Offer]:
    """What can be had. Of what was promised before no rule that came later takes anything away:
    a line stays as it is, and of a product that is no longer sold some units can go back."""
    allowed = dict(offers)
    for product, line in old.items():
        units = wanted.get(product, 0)
        if units == line.quantity or (product not in offers and units < line.quantity):
            price = line.unit_price
            allowed[product] = Offer(product, line.sku, line.name, price, 1, None, 1)
    return allowed


def _shifts(before: Mapping[int, int], after: Mapping[int, int]) -> list[Shift]:
    more = {
        product: after.get(product, 0) - before.get(product, 0) for product in {**before, **after}
    }
    return [Shift(product, -units, units, "change") for product, units in more.items() if units]


def _told(step: Step, what: str, before: Any, after: Any) -> dict[str, Any]:
    """What the event says already, and what else was before and is after it."""
    told = step.data
    return {
        "before": {**told.get("before", {}), what: before},
        "after": {**told.get("after", {}), what: after},
    }


def _listed(units: Mapping[int, int]) -> list[dict[str, Any]]:
    return [{"product": product, "quantity": quantity} for product, quantity in units.items()]
