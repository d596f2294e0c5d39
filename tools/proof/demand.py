"""What real customers ordered and gave back: the orders of demo/online_retail.

The shop wrote a cancellation as an invoice of its own (its number begins with C and is of the same
sequence) that does not say which order it is of: it is taken to be of the customer's latest orders
before it that hold these products.
"""

from __future__ import annotations

import csv
import gzip
import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

DATA = Path(__file__).resolve().parents[2] / "demo" / "online_retail"


@dataclass
class RealOrder:
    """An order as it was made."""

    invoice: str
    customer: str
    units: Counter[str] = field(default_factory=Counter)
    """By SKU."""
    returns: list[Counter[str]] = field(default_factory=list)
    """Units that came back, by SKU, each at one time."""

    @property
    def is_cancelled(self) -> bool:
        """Whether all came back at one time."""
        return self.returns == [self.units]


@dataclass(frozen=True)
class Demand:
    """Orders from the first on."""

    orders: list[RealOrder]
    prices: dict[str, Decimal]
    """The price at which each SKU was first sold."""

    def stock(self, share: float) -> dict[str, int]:
        """Return this share of the units that are ordered, rounded up, by SKU."""
        units: Counter[str] = Counter()
        for order in self.orders:
            units.update(order.units)
        return {sku: math.ceil(number * share) for sku, number in units.items()}


def read(limit: int) -> Demand:
    """Read the first orders, and what came back of them."""
    orders: dict[str, RealOrder] = {}
    prices: dict[str, Decimal] = {}
    for row in rows("orders.csv.gz"):
        if row["invoice"] not in orders and len(orders) == limit:
            break
        order = orders.setdefault(row["invoice"], RealOrder(row["invoice"], row["customer"]))
        order.units[row["sku"]] += int(row["quantity"])
        prices.setdefault(row["sku"], Decimal(row["unit_price"]))
    latest: dict[str, list[RealOrder]] = defaultdict(list)
    for order in orders.values():
        latest[order.customer].insert(0, order)
    returned: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in rows("cancellations.csv.gz"):
        returned[row["invoice"], row["customer"]][row["sku"]] -= int(row["quantity"])
    for (invoice, customer), units in returned.items():
        assign(int(invoice.removeprefix("C")), units, latest[customer])
    return Demand(list(orders.values()), prices)


def rows(name: str) -> Iterator[dict[str, str]]:
    """Yield the lines of a file."""
    with gzip.open(DATA / name, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def assign(invoice: int, units: Counter[str], latest: list[RealOrder]) -> None:
    """Note the units of a cancellation at the orders that they are of."""
    for order in latest:
        left = order.units - sum(order.returns, Counter[str]())
        if (part := units & left) and int(order.invoice) < invoice:
            order.returns.append(part)
            units = units - part
