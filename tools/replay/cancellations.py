"""What real customers gave back: the cancellations of demo/online_retail, found in the orders.

The shop wrote a cancellation as a separate invoice (its number begins with C and is of the
same sequence) that does not say which order it is of: it is taken to be of the customer's latest
orders before it that hold these products.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tools.replay.demand import DATA, RealOrder


@dataclass(frozen=True)
class Part:
    """Units by SKU of one order that were given back at one time."""

    invoice: str
    units: Counter[str]


@dataclass
class Cancelled:
    """All that was given back of an order. `whole`: at one time, and nothing was left."""

    order: RealOrder
    parts: list[Part] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether this is a cancellation and no return."""
        return len(self.parts) == 1 and self.parts[0].units == self.order.units

    @property
    def left(self) -> Counter[str]:
        """Units the customer kept."""
        given_back = (part.units for part in self.parts)
        return self.order.units - sum(given_back, Counter[str]())


def read(orders: Sequence[RealOrder]) -> dict[str, Cancelled]:
    """What was given back of each of the orders, by their invoice."""
    with gzip.open(DATA / "cancellations.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return find(csv.DictReader(file), orders)


def find(rows: Iterable[Mapping[str, str]], orders: Sequence[RealOrder]) -> dict[str, Cancelled]:
    """Put lines together to cancellations, and find the orders they are of, where there are any."""
    theirs: dict[str, list[Cancelled]] = defaultdict(list)
    for order in orders:
        theirs[order.customer].insert(0, Cancelled(order))
    wanted: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in rows:
        wanted[row["invoice"], row["customer"]][row["sku"]] -= int(row["quantity"])
    for (invoice, customer), units in wanted.items():
        _assign(invoice, units, theirs.get(customer, ()))
    found = (one for those in theirs.values() for one in those if one.parts)
    return {one.order.invoice: one for one in found}


def _assign(invoice: str, units: Counter[str], latest_first: Iterable[Cancelled]) -> None:
    for one in latest_first:
        part = units & one.left
        if part and int(one.order.invoice) < int(invoice.removeprefix("C")):
            one.parts.append(Part(invoice, part))
            units = units - part
