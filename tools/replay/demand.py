"""What real customers wanted: the orders of demo/online_retail."""

from __future__ import annotations

import csv
import gzip
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

DATA = Path(__file__).resolve().parents[2] / "demo" / "online_retail"


@dataclass
class RealOrder:
    """An order as it was made: units by SKU."""

    invoice: str
    customer: str
    units: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Demand:
    """Orders from the first on, and the price (a unit, in the shop's currency) each SKU was
    first sold at."""

    orders: Sequence[RealOrder]
    prices: dict[str, Decimal]

    @property
    def customers(self) -> list[str]:
        """The customers, in the order of their first orders."""
        return list(dict.fromkeys(order.customer for order in self.orders))

    def stock(self, scarce: float) -> dict[str, int]:
        """Return the opening stock by SKU that is `scarce` of what is wanted, rounded up."""
        wanted: Counter[str] = Counter()
        for order in self.orders:
            wanted.update(order.units)
        return {sku: math.ceil(units * scarce) for sku, units in wanted.items()}


def read(limit: int | None) -> Demand:
    """Read the first `limit` orders, or all."""
    with gzip.open(DATA / "orders.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return collect(csv.DictReader(file), limit)


def collect(rows: Iterable[dict[str, str]], limit: int | None) -> Demand:
    """Put lines together to orders; lines of one SKU in one order are added up."""
    orders: dict[str, RealOrder] = {}
    prices: dict[str, Decimal] = {}
    for row in rows:
        if row["invoice"] not in orders and len(orders) == limit:
            break
        order = orders.setdefault(row["invoice"], RealOrder(row["invoice"], row["customer"]))
        order.units[row["sku"]] += int(row["quantity"])
        prices.setdefault(row["sku"], Decimal(row["unit_price"]))
    return Demand(list(orders.values()), prices)


def names() -> dict[str, str]:
    """Return the products' names by SKU."""
    with (DATA / "products.csv").open(encoding="utf-8", newline="") as file:
        return {row["sku"]: row["name"] for row in csv.DictReader(file)}
