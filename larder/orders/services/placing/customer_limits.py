"""What customers may order themselves: a quota of orders, and a limit of units that are not paid.

The quota counts the orders of all APIs together. The units are summed over the customer's open
orders that were placed or changed in the last day (UNPAID_UNITS), so a payment, a cancellation and
the end of a hold count at once, and nothing has to be given back. Orders that staff place for a
customer are never refused here. Neither are repeats, which are answered before.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from larder.core.ids import SYSTEM_ACTOR
from larder.db import database
from larder.identity.services import quotas
from larder.identity.services.quotas import Granted, Remaining
from larder.orders.decision import CountedOrders, UnpaidUnits
from larder.orders.services.placing.placement import NewOrder, Terms
from larder.orders.sql import writes

UNPAID_FOR = timedelta(days=1)
"""How long an order's units count after it was placed or changed, while it is neither paid nor
packed."""

NEW_ACCOUNT = 10
"""An account gets this part of the limit until the shop has shipped an order to it. Of the first
day's orders of 1,302 customers of a wholesaler (demo/online_retail), 99 % have fewer than 2,050
units."""


class CustomerLimits:
    """What the orders of a batch take of their customers' limits, in the transaction that places
    them."""

    def __init__(self, orders: Sequence[NewOrder], terms: Terms, now: datetime) -> None:
        """Submits the statements that take a unit of the quota for each order, or as many as there
        are, and that sum the unpaid units. `read` reads the results, and `give_back` gives back
        what no order used."""
        counts = Counter([order.placement.customer for order in orders if _is_own(order)])
        self._reading = quotas.submit_take("orders", counts)
        self._summing = submit_unpaid(counts, terms, now)
        self._granted: Mapping[int, Granted] = {}

    def read(self, orders: Sequence[NewOrder]) -> CountedOrders:
        """Returns which of these orders count, and what their customers may order."""
        self._granted = self._reading()
        customers = [order.placement.customer if _is_own(order) else None for order in orders]
        return CountedOrders(customers, self._granted, self._summing())

    def give_back(self, placed: Sequence[NewOrder]) -> dict[NewOrder, Remaining]:
        """Gives back the units that these orders did not use. Returns what each left."""
        used: Counter[int] = Counter()
        remaining: dict[NewOrder, Remaining] = {}
        for order in placed:
            customer = order.placement.customer
            if _is_own(order) and customer in self._granted:
                used[customer] += 1
                remaining[order] = self._granted[customer].after(used[customer])
        unused = {who: got.units - used[who] for who, got in self._granted.items()}
        quotas.give_back("orders", {who: units for who, units in unused.items() if units})
        return remaining


def submit_unpaid(
    customers: Iterable[int], terms: Terms, now: datetime, *, without: UUID = SYSTEM_ACTOR
) -> Callable[[], dict[int, UnpaidUnits]]:
    """Submits the statements that lock these customers and sum the units of their unpaid orders,
    `without` one order. Returns a function that returns them; empty if the shop has no limit."""
    ids, limit = sorted(set(customers)), terms.unpaid_units
    if not (ids and limit):
        return dict
    database.submit(writes.LOCK_CUSTOMERS, [ids])
    reading = database.submit(writes.UNPAID_UNITS, [*[now - UNPAID_FOR] * 3, without, ids])

    def read() -> dict[int, UnpaidUnits]:
        return {
            customer: UnpaidUnits(limit if is_known else limit // NEW_ACCOUNT, units)
            for customer, is_known, units in reading()
        }

    return read


def _is_own(order: NewOrder) -> bool:
    return order.placement.acting is None
