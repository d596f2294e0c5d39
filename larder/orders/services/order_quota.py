"""The quota of orders that customers place themselves, in all APIs together.

Orders that staff place for a customer do not count. Neither do repeats, which are answered before,
or refused orders: `decide` gives the units of a customer to those orders that it places.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from larder.identity.services import quotas
from larder.identity.services.quotas import Granted
from larder.orders.decision import Counted
from larder.orders.services.hold_limits import HoldLimits
from larder.orders.services.placement import Candidate


class OrderQuota:
    """The units that the orders of a batch take, in the transaction that places them."""

    def __init__(self, batch: Sequence[Candidate]) -> None:
        """Sends the statement that takes a unit for each order, or as many as there are. `read`
        reads its result, and `settle` gives back what no order used."""
        self._own = [one for one in batch if _counts(one)]
        self._reading = quotas.submit_take(
            "orders", Counter([one.placement.customer for one in self._own])
        )
        self._granted: Mapping[int, Granted] = {}
        self._holds: HoldLimits | None = None

    def limit_holds(self, held: Sequence[Candidate], most: int) -> None:
        """Limits these orders, which have a hold (hold_limits.py)."""
        self._holds = HoldLimits(held, most)

    def read(self) -> None:
        """Reads how many units each customer got."""
        self._granted = self._reading()

    def counted(self, batch: Sequence[Candidate]) -> Counted:
        """Returns which of these orders count, and what their customers have."""
        customers = [one.placement.customer if _counts(one) else None for one in batch]
        holds = self._holds
        if holds is None:
            return Counted(customers, self._granted)
        return Counted(
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
                one.left = self._granted[customer].after(used[customer])
        unused = {who: got.units - used[who] for who, got in self._granted.items()}
        quotas.give_back("orders", {who: units for who, units in unused.items() if units})
        if self._holds is not None:
            self._holds.give_back()


def _counts(one: Candidate) -> bool:
    return one.placement.acting is None
