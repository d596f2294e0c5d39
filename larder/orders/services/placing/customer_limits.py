"""What a customer may order: the quota of orders, and the limits of holds.

The quota counts the orders that customers place themselves, in all APIs together. Holds are limited
so that no customer hoards stock: how many orders await their payment at once, and the quotas of new
holds and of their units.

Orders that staff place for a customer do not count. Neither do repeats, which are answered before,
or refused orders: `decide` gives the units of a customer to those orders that it places.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from larder.core.errors import DomainError
from larder.db import database
from larder.identity.services import quotas
from larder.identity.services.quotas import Granted, Name, QuotaExceeded
from larder.orders.decision import CountedOrders
from larder.orders.errors import HoldTooLarge, TooManyHolds
from larder.orders.services.placing.placement import Candidate
from larder.orders.sql import writes

QUOTAS: tuple[Name, ...] = ("holds", "held_units")


class CustomerLimits:
    """What the orders of a batch take of their customers' quotas and limits, in the transaction
    that places them."""

    def __init__(self, batch: Sequence[Candidate], most_holds: int) -> None:
        """Submits the statements that take a unit for each order, or as many as there are, and
        those of holds. `read` reads the result, and `settle` gives back what no order used.

        Assumes that the lines of the orders are known. `most_holds` orders of a customer may be
        pending.
        """
        self._own = [one for one in batch if _is_own(one)]
        self._reading = quotas.submit_take(
            "orders", Counter([one.placement.customer for one in self._own])
        )
        self._granted: Mapping[int, Granted] = {}
        held = [one for one in batch if one.placement.hold is not None]
        self._holds = _HoldLimits(held, most_holds) if held else None

    def read(self) -> None:
        """Reads how many units each customer got."""
        self._granted = self._reading()

    def counted(self, batch: Sequence[Candidate]) -> CountedOrders:
        """Returns which of these orders count, and what their customers have."""
        customers = [one.placement.customer if _is_own(one) else None for one in batch]
        holds = self._holds
        if holds is None:
            return CountedOrders(customers, self._granted)
        return CountedOrders(
            customers,
            self._granted,
            lambda position: holds.refusal(batch[position]),
            lambda position: holds.count(batch[position]),
        )

    def settle(self) -> None:
        """Notes what each written order left, and gives back the units that no order used."""
        used: Counter[int] = Counter()
        for one in self._own:
            customer = one.placement.customer
            if one.written is not None and customer in self._granted:
                used[customer] += 1
                one.remaining = self._granted[customer].after(used[customer])
        unused = {who: got.units - used[who] for who, got in self._granted.items()}
        quotas.give_back("orders", {who: units for who, units in unused.items() if units})
        if self._holds is not None:
            self._holds.give_back()


class _HoldLimits:
    """The limits of the orders of a batch, in the transaction that places them."""

    def __init__(self, batch: Sequence[Candidate], most: int) -> None:
        """Submits the statements that count the open holds and take units of the quotas: for all
        orders, or as many as there are. They wait for other transactions that add holds of these
        customers.

        Assumes orders with a hold and with known lines. `most` orders of a customer may be pending.
        """
        self._own = [one for one in batch if _is_own_hold(one)]
        self._most = most
        self._placed: list[Candidate] = []
        customers = sorted({one.placement.customer for one in self._own})
        if customers:
            database.submit(writes.LOCK_HOLDERS, [customers])
        self._counting: Callable[[], Sequence[Any]] = (
            database.submit(writes.OPEN_HOLDS, [customers]) if customers else list
        )
        self._taking = {name: quotas.submit_take(name, self._wanted(name)) for name in QUOTAS}

    def _wanted(self, name: Name) -> Counter[int]:
        wanted: Counter[int] = Counter()
        for one in self._own:
            wanted[one.placement.customer] += _units(name, one)
        return wanted

    @cached_property
    def _present(self) -> Counter[int]:
        return Counter(dict(self._counting()))

    @cached_property
    def _taken(self) -> dict[Name, Mapping[int, Granted]]:
        return {name: taking() for name, taking in self._taking.items()}

    def refusal(self, one: Candidate) -> DomainError | None:
        """Returns HoldTooLarge, TooManyHolds or QuotaExceeded for an order beyond a limit."""
        customer = one.placement.customer
        if not _is_own_hold(one):
            return None
        units = self._taken["held_units"].get(customer)
        if units and _units("held_units", one) > units.remaining.rate.times:
            return HoldTooLarge(units.remaining.rate.times, _units("held_units", one))
        if self._present[customer] >= self._most:
            return TooManyHolds(self._most)
        needed = self._needed([*self._placed, one])
        for name, taken in self._taken.items():
            if customer in taken and needed[name, customer] > taken[customer].units:
                return QuotaExceeded(taken[customer].remaining)
        return None

    def count(self, one: Candidate) -> None:
        """Counts an order that is placed."""
        if _is_own_hold(one):
            self._present[one.placement.customer] += 1
            self._placed.append(one)

    def give_back(self) -> None:
        """Gives back the units that no written order needs."""
        needed = self._needed([one for one in self._own if one.written is not None])
        for name, taken in self._taken.items():
            unused = {who: one.units - needed[name, who] for who, one in taken.items()}
            quotas.give_back(name, {who: units for who, units in unused.items() if units})

    def _needed(self, orders: Sequence[Candidate]) -> Counter[tuple[Name, int]]:
        """Returns the units of each quota and customer that orders need."""
        needed: Counter[tuple[Name, int]] = Counter()
        for name, taken in self._taken.items():
            for one in orders:
                customer = one.placement.customer
                if customer in taken:
                    needed[name, customer] += _units(name, one)
        return needed


def _is_own(one: Candidate) -> bool:
    return one.placement.acting is None


def _is_own_hold(one: Candidate) -> bool:
    return one.placement.hold is not None and _is_own(one)


def _units(name: Name, one: Candidate) -> int:
    return 1 if name == "holds" else sum(line.quantity for line in one.wanted)
