"""Customers who go on through every failure, and the record of all that they were answered."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

from larder.local.terminal import LauncherError
from tools.http_client import LATER, Client, Reply

DONE = {"order": 201, "receive": 201, "cancel": 200, "pack": 200, "ship": 200, "return": 200}
"""The status that says that a wish is fulfilled, by its kind."""
UNKNOWN = "outcome_unknown"
SCARCE, PLENTY = 40, 1_000_000
SHOP = (SCARCE,) * 3 + (PLENTY,) * 5
"""The opening stock of each product."""
WAIT_SECONDS = 240.0
IMPATIENT, ONCE, WITH_ID = 0.12, 0.1, 0.5
"""Shares of orders: cut off, sent once without a key, with an id that the customer chose."""
MOST_UNITS, MOST_LINES = 4, 3
PAUSE_SECONDS = 0.04


@dataclass
class Account:
    """A log-in, renewed early and often."""

    username: str
    password: str
    renew_seconds: float = 15.0
    _pair: dict[str, Any] = field(default_factory=dict)
    _until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def credentials(self) -> dict[str, str]:
        """The body of a log-in or a registration."""
        return {"username": self.username, "password": self.password}

    def token(self, client: Client) -> str:
        """Return an access token that is good for a while. Raises LauncherError."""
        with self._lock:
            if time.monotonic() > self._until:
                path, body = "auth/token", self.credentials
                if self._pair:
                    path, body = "auth/token/refresh", {"refresh": self._pair["refresh"]}
                reply = client.insist("POST", path, body)
                if reply.status == 200:
                    self._pair = reply.body
                elif not self._pair:
                    raise LauncherError(f"{self.username}: a log-in was answered {reply.code}.")
                self._until = time.monotonic() + self.renew_seconds
            return str(self._pair["access"])


@dataclass(eq=False, slots=True)
class Wish:
    """Something that is to be done once."""

    kind: str
    """A key of DONE."""
    key: str
    """The Idempotency-Key, and the reference of an order."""
    account: Account
    path: str
    body: dict[str, Any]
    units: Mapping[int, int]
    """By id of the product."""
    of: Wish | None = None
    """The order that is moved."""
    once: bool = False
    """Sent once, without a key."""
    abandoned: bool = False
    """Cut off and not sent again."""
    shown: str | None = None
    """The id that a look-up at the end showed, empty if it showed none; None: nobody looked."""
    heard: list[Reply] = field(default_factory=list)
    status: str = "placed"
    """Of an order, by the last answer to a move."""
    back: Counter[int] = field(default_factory=Counter)
    """Units of an order that were cancelled or returned."""

    @property
    def acknowledged(self) -> list[Reply]:
        """All answers that it is done."""
        return [reply for reply in self.heard if reply.status == DONE[self.kind]]

    @property
    def refused(self) -> list[Reply]:
        """All answers that it is not done."""
        return [reply for reply in self.heard if 400 <= reply.status < 500 and reply.status != 429]

    @property
    def is_lost(self) -> bool:
        """Whether an answer left open what happened."""
        return not self.acknowledged and any(
            reply.status in LATER or reply.code == UNKNOWN for reply in self.heard
        )

    @property
    def id(self) -> str:
        """The id of the answer; empty as long as it is not acknowledged."""
        return next((str(reply.body["id"]) for reply in self.acknowledged), "")


@dataclass
class Fleet:
    """Customers and a member of staff, who use the shop at the same time."""

    urls: Sequence[str]
    """The servers, between which the customers are divided."""
    staff: Account
    seed: int
    size: int = 8
    impatience: float = IMPATIENT
    wishes: list[Wish] = field(default_factory=list)
    reads: list[Reply] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    products: dict[int, tuple[Decimal, int]] = field(default_factory=dict)
    """Price and opening stock by id."""
    customers: list[Account] = field(default_factory=list)
    name: str = field(default_factory=lambda: secrets.token_hex(3))
    _over: threading.Event = field(default_factory=threading.Event)

    def open_shop(self, opening: Sequence[int] = SHOP) -> None:
        """Add products with their stock, and register customers. Raises LauncherError."""
        client, random = Client(0, url=self.urls[0]), Random(self.seed)  # noqa: S311
        for number, units in enumerate(opening):
            price = Decimal(random.randint(1, 5_000)) / 100
            self.add_product(client, f"{self.name}-{number}", price, units)
        for number in range(self.size):
            account = Account(f"{self.name} {number}", secrets.token_hex(12))
            require(client.insist("POST", "auth/register", account.credentials), 201)
            self.customers.append(account)

    def add_product(self, client: Client, sku: str, price: Decimal, units: int) -> int:
        """Add a product with its opening stock; return its id. Raises LauncherError."""
        body = {"sku": sku, "name": sku, "price": str(price), "quantity": units}
        reply = client.insist("POST", "products", body, token=self.staff.token(client))
        require(reply, 201)
        self.products[reply.body["id"]] = (price, units)
        return int(reply.body["id"])

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let all of them use the shop during the block. Afterwards they get their last answers,
        and look up orders of which they never heard."""
        with ThreadPoolExecutor(self.size + 1) as threads:
            busy = [threads.submit(self._shop, *pair) for pair in enumerate(self.customers)]
            busy.append(threads.submit(self._fill_up))
            try:
                yield
            finally:
                self._over.set()
            for future in busy:
                future.result()
        # Orders whose connection was cut are placed or not by now.
        time.sleep(5.0)
        self._look_up()

    @property
    def orders(self) -> int:
        """The number of acknowledged orders."""
        return sum(bool(wish.acknowledged) for wish in self.wishes if wish.kind == "order")

    def wait_for(self, orders: int) -> None:
        """Return when so many more orders are acknowledged. Raises LauncherError."""
        goal, deadline = self.orders + orders, time.monotonic() + WAIT_SECONDS
        while self.orders < goal:
            if time.monotonic() > deadline:
                raise LauncherError(f"No {orders} orders were placed in {WAIT_SECONDS:.0f} s.")
            time.sleep(0.05)

    def replies(self, since: float = 0.0) -> list[Reply]:
        """Return all answers since a moment, but for those that nobody waited for."""
        heard = [reply for wish in self.wishes for reply in wish.heard] + self.reads
        return [reply for reply in heard if reply.at > since and reply.body is not None]

    def write(self, file: Path) -> None:
        """Write down all that was heard, a line for each wish."""
        with file.open("w") as lines:
            for wish in self.wishes:
                heard = [(reply.status, reply.code, round(reply.at, 3)) for reply in wish.heard]
                lines.write(json.dumps([wish.kind, wish.key, wish.account.username, heard]) + "\n")

    def _shop(self, number: int, account: Account) -> None:
        client = Client(0, 5.0, url=self.urls[number % len(self.urls)])
        random = Random(f"{self.seed} {number}")  # noqa: S311
        placed: list[Wish] = []
        while not self._over.is_set():
            act = random.random()
            if act < 0.74 or not placed:
                self._order(client, random, account, placed)
            elif act < 0.82:
                order = placed.pop(random.randrange(len(placed)))
                self.insist(client, self.move("cancel", order, account, {}, order.units))
            elif act < 0.92:
                self._look(client, random.choice(placed))
            elif (wish := random.choice(placed)) and not wish.once:
                self.attempt(client, wish)
            time.sleep(random.random() * PAUSE_SECONDS)

    def _order(self, client: Client, random: Random, account: Account, placed: list[Wish]) -> None:
        chosen = random.sample(list(self.products), random.randint(1, MOST_LINES))
        wish = self.order(account, {product: random.randint(1, MOST_UNITS) for product in chosen})
        if random.random() < WITH_ID:
            wish.body["id"] = str(uuid4())
        act = random.random()
        if act < self.impatience:
            self.wishes.append(wish)
            self.hang_up_in_the_middle(wish, random.random() * 0.03)
            wish.abandoned = random.random() < 1 / 3
        if self.impatience < act < self.impatience + ONCE:
            wish.once = True
            self.wishes.append(wish)
            self.attempt(client, wish)
        elif not wish.abandoned:
            self.insist(client, wish)
        if wish.acknowledged:
            placed.append(wish)

    def order(self, account: Account, units: Mapping[int, int]) -> Wish:
        """Return the wish for an order, which nobody has sent yet."""
        key = self._key()
        lines = [{"product": product, "quantity": number} for product, number in units.items()]
        return Wish("order", key, account, "orders", {"lines": lines, "reference": key}, units)

    def move(
        self,
        kind: str,
        order: Wish,
        account: Account,
        body: dict[str, Any],
        units: Mapping[int, int],
    ) -> Wish:
        """Return the wish for a move of an order, which gives back these units."""
        path = f"orders/{order.id}/{kind}"
        return Wish(kind, self._key(), account, path, body, units, of=order)

    def hang_up_in_the_middle(self, wish: Wish, seconds: float) -> None:
        """Send a wish and cut the connection after some seconds: its result is unknown."""
        client = Client(0, url=self.urls[0])
        connection = client.connect(5.0)
        headers = {
            "Authorization": f"Bearer {wish.account.token(client)}",
            "Idempotency-Key": wish.key,
            "Content-Type": "application/json",
        }
        with suppress(OSError):
            connection.request("POST", f"/api/v1/{wish.path}", json.dumps(wish.body), headers)
            time.sleep(seconds)
        connection.close()
        client.hang_up()
        wish.heard.append(Reply(0, None))

    def attempt(self, client: Client, wish: Wish) -> Reply:
        """Send a wish once and note the answer."""
        headers = {} if wish.once else {"Idempotency-Key": wish.key}
        token = wish.account.token(client)
        reply = client.attempt("POST", wish.path, wish.body, token=token, headers=headers)
        if wish.of and reply.status == DONE[wish.kind]:
            wish.of.status = reply.body["status"]
            if wish.kind in {"cancel", "return"} and not wish.acknowledged:
                wish.of.back.update(wish.units)
        wish.heard.append(reply)
        return reply

    def insist(self, client: Client, wish: Wish) -> None:
        """Send a wish until it is answered definitely, or time is over."""
        if wish not in self.wishes:
            self.wishes.append(wish)
        deadline = time.monotonic() + WAIT_SECONDS
        while self.attempt(client, wish).status in LATER and time.monotonic() < deadline:
            time.sleep(0.05)

    def _look(self, client: Client, wish: Wish) -> None:
        token = wish.account.token(client)
        reply = client.attempt("GET", f"orders/{wish.id}", token=token)
        self.reads.append(reply)
        if reply.status not in {200, *LATER}:
            self.troubles.append(f"Order {wish.key}, acknowledged, was shown as {reply.status}.")

    def _fill_up(self) -> None:
        client, random = Client(0, url=self.urls[0]), Random(f"{self.seed} staff")  # noqa: S311
        scarce = [product for product, (_, units) in self.products.items() if units == SCARCE]
        while not self._over.wait(0.5) and scarce:
            product, delta = random.choice(scarce), random.randint(1, 20)
            body = {"reason": "received", "lines": [{"product": product, "delta": delta}]}
            path, units = "stock/adjustments", {product: delta}
            self.insist(client, Wish("receive", self._key(), self.staff, path, body, units))

    def _look_up(self) -> None:
        client = Client(0, url=self.urls[0])
        for wish in self.wishes:
            if wish.kind == "order" and wish.is_lost:
                path = f"orders?reference={wish.key}"
                reply = client.insist("GET", path, token=wish.account.token(client))
                require(reply, 200)
                wish.shown = next((order["id"] for order in reply.body["results"]), "")

    def _key(self) -> str:
        return f"{self.name}-{secrets.token_hex(6)}"


def require(reply: Reply, status: int) -> None:
    """Raise LauncherError unless the answer has this status."""
    if reply.status != status:
        raise LauncherError(f"The shop answered {reply.status}: {str(reply.body)[:300]}")
