"""The answers that customers got, held against the books: nothing lost, nothing doubled, nothing
made up.

Every unit is counted once more: what was there at the opening, less what is in the orders that
stand, and what was received, is what is left.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from tools.drill.books import Books, Order
from tools.drill.shop import Stage
from tools.drill.wishes import Kind, Record, Wish

GIVEN_BACK = "cancelled"
SOLD_OUT = "insufficient_stock"


@dataclass(frozen=True)
class Audit:
    """The three things that have to agree: a stage, the answers, the books."""

    stage: Stage
    record: Record
    books: Books

    def faults(self) -> list[str]:
        """Return a sentence for everything that is off; none when all is well."""
        return [
            *self.record.troubles,
            *(fault for wish in self.record.wishes for fault in contradictions(wish)),
            *self.order_faults(),
            *self.receipt_faults(),
            *self.shelf_faults(),
        ]

    def order_faults(self) -> Iterator[str]:
        """Each acknowledged order is there once, as in its answer; no other is."""
        found: dict[str, list[Order]] = defaultdict(list)
        for order in self.books.orders:
            found[order.reference].append(order)
        cancelled = {wish.of.key: wish for wish in self.record.of(Kind.CANCEL) if wish.of}
        for wish in self.record.of(Kind.ORDER):
            there = found.pop(wish.key, [])
            yield from presence_faults(wish, there)
            for order in there:
                yield from self.content_faults(wish, order)
                yield from standing_faults(wish, order, cancelled.get(wish.key))
        for reference in found:
            yield f"There is an order {reference!r} that no customer sent."

    def content_faults(self, wish: Wish, order: Order) -> Iterator[str]:
        """Yield each fault of the customer, the units or the total, by the drill's prices."""
        if order.customer != wish.account.username:
            yield f"Order {wish.key} is in the books of another customer, {order.customer}."
        if dict(order.units) != dict(wish.units):
            yield f"Order {wish.key} has other units in the books: {dict(order.units)}."
        prices = {one.id: one.price for one in self.stage.products}
        total = sum((prices[one] * units for one, units in wish.units.items()), Decimal(0))
        if order.total != total:
            yield f"Order {wish.key} is worth {total}; the books say {order.total}."

    def receipt_faults(self) -> Iterator[str]:
        """Each delivery that was acknowledged is in the ledger once; no other is."""
        booked = Counter((one.id, one.product, one.units) for one in self.books.receipts)
        for wish in self.record.of(Kind.RECEIVE):
            ((product, units),) = wish.units.items()
            known = (wish.id, product, units)
            times = booked.pop(known, 0)
            if wish.id and times != 1:
                yield f"Delivery {wish.key} was acknowledged and is in the ledger {times} times."
        for id, product, units in booked:
            yield f"The ledger has {units} units of product {product} that no customer sent ({id})."

    def shelf_faults(self) -> Iterator[str]:
        """Opening stock − units of the orders that stand + received = available."""
        sold: Counter[int] = Counter()
        received: Counter[int] = Counter()
        for order in self.orders_to_count():
            sold.update(order)
        for wish in self.record.of(Kind.RECEIVE):
            if wish.id:
                received.update(wish.units)
        for one in self.stage.products:
            shelf = self.books.shelves[one.id]
            left = one.opening - sold[one.id] + received[one.id]
            if (shelf.available, shelf.committed) != (left, sold[one.id]):
                yield (
                    f"Product {one.id}: {left} available and {sold[one.id]} ordered by "
                    f"the answers; the books say {shelf.available} and {shelf.committed}."
                )
            if (shelf.available_summed, shelf.committed_summed) != (
                shelf.available,
                shelf.committed,
            ):
                yield f"Product {one.id}: the ledger adds up to something else than its stock."

    def orders_to_count(self) -> Iterator[Mapping[int, int]]:
        """Units of each order that customers know of, and that was not cancelled."""
        given_back = {
            wish.of.key for wish in self.record.of(Kind.CANCEL) if wish.of and wish.acknowledged
        }
        for wish in self.record.of(Kind.ORDER):
            if (wish.id or wish.found) and wish.key not in given_back:
                yield wish.units


def presence_faults(wish: Wish, there: list[Order]) -> Iterator[str]:
    """Acknowledged, or found in the history: once, under that id. Else not at all."""
    known = wish.id or wish.found
    if len(there) != bool(known):
        yield f"Order {wish.key} was {knowledge(wish)} and is in the books {len(there)} times."
    for order in there:
        if order.id not in {known, wish.body.get("id", known)}:
            yield f"Order {wish.key} is in the books under another id than {known}."


def knowledge(wish: Wish) -> str:
    """Say what a customer knows in the end."""
    if wish.acknowledged:
        return "acknowledged"
    if wish.found is not None:
        return "found in the history" if wish.found else "not found"
    return "refused" if wish.refused else "never answered"


def standing_faults(wish: Wish, order: Order, cancelled: Wish | None) -> Iterator[str]:
    """Placed, or cancelled where that was acknowledged."""
    expected = GIVEN_BACK if cancelled is not None and cancelled.acknowledged else "placed"
    if order.status != expected:
        yield f"Order {wish.key} is {expected} by the answers; the books say {order.status}."


def contradictions(wish: Wish) -> Iterator[str]:
    """The answers of one customer must not contradict each other."""
    name = f"{wish.kind.capitalize()} {wish.key}"
    if wish.open and not wish.abandoned:
        yield f"{name} was never answered."
    if wish.acknowledged and wish.refused:
        yield f"{name} was both acknowledged and refused ({wish.refused[0].code})."
    for one in wish.refused:
        if wish.kind is not Kind.ORDER or one.code != SOLD_OUT:
            yield f"{name} was answered {one.status} ({one.code})."
    if len({one.id for one in wish.acknowledged}) > 1:
        yield f"{name} was acknowledged under several ids."
    if sum(not one.replayed for one in wish.acknowledged) > 1:
        yield f"{name} was carried out more than once, not repeated."
    if wish.heard and wish.heard[0].replayed:
        yield f"{name} was called a repeat when it was first sent."
    yield from showing_faults(name, wish)


def showing_faults(name: str, wish: Wish) -> Iterator[str]:
    """The order that an answer shows is the one that was sent."""
    for one in wish.acknowledged:
        if one.shown is not None and dict(one.shown[2]) != dict(wish.units):
            yield f"{name} was shown with other units: {dict(one.shown[2])}."
