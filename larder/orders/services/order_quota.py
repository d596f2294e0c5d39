"""The quota of orders that customers place themselves, in all APIs together.

Orders that staff place for a customer do not count. Neither do repeats, which are answered before,
or refused orders, which give their unit back.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from larder.identity import quotas
from larder.identity.quotas import QuotaExceeded
from larder.orders.services.placement import Candidate


class OrderQuota:
    """The units that the orders of a batch take, in the transaction that places them."""

    def __init__(self, batch: Sequence[Candidate]) -> None:
        """Sends the statement that takes the units. `grant` reads its result."""
        self._own = [one for one in batch if one.placement.acting is None]
        self._reading = quotas.submit_take("orders", _count(self._own))

    def grant(self) -> None:
        """Answers QuotaExceeded to the orders without a unit: the last ones of a customer."""
        found = self._reading()
        if not found:
            return
        taken: Counter[int] = Counter()
        for one in self._own:
            customer = one.placement.customer
            granted, units = found[customer], taken[customer] + 1
            taken[customer] = units
            if units <= granted.units:
                one.left = granted.after(units)
            elif one.answer is None:
                one.answer = QuotaExceeded(granted.left)

    def give_back(self) -> None:
        """Gives back the units of orders that were not placed."""
        unused = [one for one in self._own if one.left is not None and one.written is None]
        if unused:
            quotas.give_back("orders", _count(unused))


def _count(orders: Iterable[Candidate]) -> Counter[int]:
    return Counter([one.placement.customer for one in orders])
