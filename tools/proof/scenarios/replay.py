"""Real orders of half the stock that they need, some sent twice; then cancellations and returns."""

from __future__ import annotations

import csv
import gzip
import math
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from threading import local
from typing import TypeVar
from uuid import uuid4

from larder.local.terminal import say
from tools.http_client import Client
from tools.proof.fleet import Account, Fleet, Wish
from tools.proof.site import Kit

ORDERS, FULL = 300, 20_000
CUSTOMERS, ACCOUNTS = 16, 64
SCARCE, TWICE = 0.5, 0.1
"""Shares: of the units that are ordered, in stock; of the requests, sent twice."""

Thing = TypeVar("Thing")


def play(kit: Kit) -> None:
    """Send the orders, then what came back of them."""
    use(kit.fleet, full=kit.full)


def use(fleet: Fleet, *, full: bool) -> None:
    """Send the orders, then what came back of them, `CUSTOMERS` at once."""
    orders = read(FULL if full else ORDERS)
    random, clients = Random(fleet.seed), local()  # noqa: S311

    def client() -> Client:
        if not hasattr(clients, "own"):
            clients.own = Client(0, url=fleet.urls[0])
        return clients.own  # type: ignore[no-any-return]

    def each(name: str, work: Callable[[Thing], None], things: Iterable[Thing]) -> None:
        listed = list(things)
        with ThreadPoolExecutor(CUSTOMERS) as threads:
            say(f"{name}: {len(listed)}")
            deque(threads.map(work, listed), maxlen=0)

    fleet.size = min(ACCOUNTS, len({order.customer for order in orders.orders}))
    fleet.open_shop(opening=())
    ids = add_products(fleet, client, orders, each)
    sent: list[tuple[RealOrder, Wish, float]] = []
    for number, order in enumerate(orders.orders):
        account = fleet.customers[hash(order.customer) % fleet.size]
        wish = fleet.order(account, {ids[sku]: units for sku, units in order.units.items()})
        if number % 2:
            wish.body["id"] = str(uuid4())
        sent.append((order, wish, random.random() / TWICE))
    fleet.wishes += [wish for _, wish, _ in sent]
    began = time.monotonic()
    each("Orders", lambda row: send(fleet, client(), row[1], row[2]), sent)
    tell(fleet, time.monotonic() - began)
    back = [(order, wish) for order, wish, _ in sent if order.returns and wish.id]
    each("Returns", lambda row: give_back(fleet, client(), ids, *row), back)


def add_products(
    fleet: Fleet,
    client: Callable[[], Client],
    orders: Demand,
    each: Callable[[str, Callable[[tuple[str, int]], None], Iterable[tuple[str, int]]], None],
) -> dict[str, int]:
    """Add the products with their opening stock; return their ids by SKU."""
    ids: dict[str, int] = {}

    def add(row: tuple[str, int]) -> None:
        sku, units = row
        price = max(orders.prices[sku], Decimal("0.01"))
        ids[sku] = fleet.add_product(client(), f"{fleet.name}-{sku}", price, units)

    each("Products", add, orders.stock(SCARCE).items())
    return ids


def send(fleet: Fleet, client: Client, wish: Wish, act: float) -> None:
    """Send an order. `act` below 1: twice, after a cut connection, or after the answer."""
    if act < 0.5:
        fleet.hang_up_in_the_middle(wish, act * 0.06)
    fleet.insist(client, wish)
    if 0.5 < act < 1:
        fleet.insist(client, wish)


def give_back(
    fleet: Fleet, client: Client, ids: dict[str, int], order: RealOrder, wish: Wish
) -> None:
    """Cancel an order of which all came back at once; otherwise ship it, and return the parts."""

    def move(kind: str, account: Account, units: Counter[str]) -> None:
        parts = {ids[sku]: number for sku, number in units.items()}
        lines = [{"product": product, "quantity": number} for product, number in parts.items()]
        body = {"lines": lines, "reason": order.invoice} if kind == "return" else {}
        fleet.insist(client, fleet.move(kind, wish, account, body, parts))

    if order.is_cancelled:
        move("cancel", wish.account, order.units)
        return
    for kind in ("pack", "ship"):
        move(kind, fleet.staff, Counter())
    for units in order.returns:
        move("return", fleet.staff, units)


def tell(fleet: Fleet, seconds: float) -> None:
    """Print what came of the orders, and how fast."""
    wishes = [wish for wish in fleet.wishes if wish.kind == "order"]
    refused: Counter[str] = Counter(wish.refused[0].code for wish in wishes if wish.refused)
    say(
        f"{len(wishes):,} orders, {fleet.orders:,} placed, refused {dict(refused)}, "
        f"{len(wishes) / seconds:,.0f} a second"
    )


DATA = Path(__file__).resolve().parents[3] / "larder" / "demo" / "online_retail"


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
