"""Changing an order that was placed: the whole new set of its lines, and its note.

Stock moves both ways in one transaction. What stays as it is, or is taken off, was promised
before and needs no new leave; for all else the refusals are those of placing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from larder.catalog import queries as catalog
from larder.catalog.prices import prices_for
from larder.catalog.queries import Offer
from larder.common.errors import DomainError
from larder.identity import queries as identity
from larder.identity.errors import OrderingNotAllowed
from larder.inventory.services import movements as inventory
from larder.inventory.services.movements import Balance
from larder.orders.decision import PricedLine, Wanted, add_up, decide
from larder.orders.lifecycle import PLACED, Move
from larder.orders.services.held_orders import Asked, HeldLine, HeldOrder, Shift, Step, carry_out
from larder.orders.services.placement import Terms


def change_order(
    asked: Asked,
    *,
    terms: Terms,
    lines: Sequence[Wanted] | None = None,
    note: str | None = None,
) -> None:
    """Gives a placed order other lines (at least one; None leaves them), another note, or both.

    All or nothing; every faulty line is named. A line keeps its price, also for units added to
    it; new lines get today's. What changes nothing leaves no trace. Raises UnknownProducts,
    InsufficientStock, PriceChanged, OrderRule, OrderTooSmall, OrderingNotAllowed (units were to be
    added), and what `held_orders.carry_out` raises.
    """

    def change(held: HeldOrder) -> Step | None:
        step = Step(type="changed", status=PLACED)
        if lines is not None:
            step = _with_lines(step, held, lines, terms)
        if note is not None and note != held.note:
            step = replace(step, note=note, data=_told(step, "note", held.note, note))
        return step if step.data else None

    carry_out(asked, Move.CHANGE, change)


def _with_lines(step: Step, held: HeldOrder, lines: Sequence[Wanted], terms: Terms) -> Step:
    before, after = {one.product: one.quantity for one in held.lines}, add_up(lines)
    if any(units > before.get(product, 0) for product, units in after.items()):
        _check_standing(held.customer)
    balances = inventory.lock(before.keys() | after.keys())
    priced = _decided(held, lines, balances, terms)
    if after == before:
        return step
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


def _check_standing(customer: int) -> None:
    standing = identity.standing([customer])[customer]
    if not (standing.is_active and standing.may_order):
        raise OrderingNotAllowed


def _decided(
    held: HeldOrder, lines: Sequence[Wanted], balances: Mapping[int, Balance], terms: Terms
) -> list[PricedLine]:
    """The decision of placing, on a shelf to which the order has put back what it holds."""
    old = {one.product: one for one in held.lines}
    shelf = {product: balance.available for product, balance in balances.items()}
    for product, line in old.items():
        shelf[product] += line.quantity
    offers = _offers(old, add_up(lines), catalog.offers(balances))
    today = prices_for(held.customer, offers.values())
    prices = {**today, **{product: line.unit_price for product, line in old.items()}}
    (decided,) = decide(
        [lines], shelf=shelf, offers=offers, prices=[prices], minimum_total=terms.minimum_total
    )
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
