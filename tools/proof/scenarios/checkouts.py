"""Payments of a simulated provider through losses and crashes: money in is money out."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from tools.http_client import Client, Reply
from tools.processes import Kept, free_port, listens, wait_until
from tools.proof.fleet import SCARCE, Account
from tools.proof.site import Kit, strike
from tools.terminal import LauncherError, say

SECRET = "whsec_of-the-simulated-provider-alone"
SETTINGS = {"STRIPE_WEBHOOK_SECRETS": SECRET}
SECONDS, FULL_SECONDS, PHONES = 45, 1_800, 24
BETWEEN_SECONDS, DRAIN_SECONDS, EXPIRY_SECONDS = 12.0, 90.0, 120.0
HOLD_SECONDS, POLL_SECONDS, POLLS, TRIES = 2, 0.25, 12, 40
WAYS = {
    "pays": 40,
    "leaves before the answer": 5,
    "leaves after the hold": 8,
    "leaves before paying": 6,
    "pays late": 10,
    "pays twice": 4,
    "pays in two parts": 3,
    "is declined, then pays": 4,
    "pays, then cancels": 6,
    "pays before ordering": 2,
    "pays and never orders": 1,
    "pays and abandons": 1,
}
"""What a customer does, and how often of a hundred."""
ORDERS = """
SELECT id::text, status, (total * 100)::bigint, expires_at IS NOT NULL
FROM orders."order"
"""
"""Id, status, total in pence, whether it was a hold."""
DUE = """SELECT "order"::text, amount FROM orders.refund_due WHERE currency = 'GBP'"""
PENDING = "SELECT FROM orders.\"order\" WHERE status = 'pending'"
SHELVES = """
SELECT product_id, available, committed,
       (SELECT coalesce(sum(quantity), 0)::bigint
        FROM orders.order_line JOIN orders."order" ON "order".id = order_id
        WHERE order_line.product_id = stock.product_id AND status = 'placed')
FROM inventory.stock WHERE product_id = ANY(%s)
"""
"""Product, units available, committed, and in placed orders."""


class Stopped(Exception):
    """The provider stays away, or the time is over."""


@dataclass
class Provider:
    """A process that takes payments and reports them to the shop, again until it is heard."""

    shop: str
    file: Path
    port: int = field(default_factory=free_port)
    _kept: Kept | None = None

    def start(self) -> None:
        """Start it on its record. Raises LauncherError."""
        to = f"{self.shop}/api/v1/payments/providers/stripe"
        options = ["--secret", SECRET, "--to", to, "--port", str(self.port), "--seed", "1"]
        command = [sys.executable, "-m", "tools.stripe_double", str(self.file), *options]
        self._kept = Kept(command, output=subprocess.DEVNULL)
        if not wait_until(lambda: listens(self.port)):
            raise LauncherError("The simulated provider does not start.")

    def stop(self) -> None:
        """Stop it with SIGKILL."""
        if self._kept is not None:
            strike([self._kept.pid])
            self._kept.close()

    def ask(self, path: str, form: Mapping[str, Any]) -> dict[str, Any]:
        """Repeat a request until it is answered. Raises Stopped."""
        client, headers = Client(self.port, 5.0), {"Idempotency-Key": str(uuid4())}
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        for _ in range(TRIES):
            body = urlencode(form).encode()
            reply = client.attempt("POST", f"/v1/{path}", body, headers=headers)
            client.hang_up()
            if reply.status:
                return dict(json.loads(reply.body))
            time.sleep(POLL_SECONDS)
        raise Stopped


@dataclass
class Run:
    """What all customers share."""

    kit: Kit
    provider: Provider
    over: threading.Event = field(default_factory=threading.Event)
    checkouts: Counter[str] = field(default_factory=Counter)
    received: Counter[int] = field(default_factory=Counter)


@dataclass
class Phone:
    """A customer's app."""

    run: Run
    account: Account
    client: Client
    random: Random

    def work(self) -> None:
        """Check out again and again, each time in one of the WAYS."""
        while not self.run.over.is_set():
            (way,) = self.random.choices(list(WAYS), list(WAYS.values()))
            with contextlib.suppress(Stopped):
                self.check_out(way)
            self.run.checkouts[way] += 1

    def check_out(self, way: str) -> None:
        """Order with a hold, and pay, in this way. The app chooses the id of the order."""
        id, units = str(uuid4()), self.choose()
        if way.startswith(("pays before", "pays and")):
            self.pay(id, self.price(units))
        if way == "pays and abandons":
            self.ask("POST", "orders/abandon", {"id": id})
        if way.startswith("pays and"):
            return
        held = self.hold(id, units, leaves=way == "leaves before the answer")
        if held is None or held.status != 201 or way == "leaves after the hold":
            return
        self.pay_as(way, id, self.price(units))
        if way == "pays, then cancels" and self.is_placed(id):
            self.ask("POST", f"orders/{id}/cancel", {})

    def pay_as(self, way: str, id: str, amount: int) -> None:
        """Pay an order that is held."""
        if way == "pays late":
            time.sleep(HOLD_SECONDS + self.random.random())
        if way == "is declined, then pays":
            self.pay(id, amount, card="pm_card_chargeDeclined")
        if way == "pays in two parts" and amount > 1:
            self.pay(id, amount // 2)
            amount -= amount // 2
        if way != "pays before ordering":
            self.pay(id, amount, leaves=way == "leaves before paying")
        if way == "pays twice":
            self.pay(id, amount)

    def pay(
        self, id: str, amount: int, card: str = "pm_card_visa", *, leaves: bool = False
    ) -> None:
        """Make a payment that names the order, and confirm it."""
        form = {"amount": amount, "currency": "gbp", "metadata[larder_order]": id}
        intent = self.run.provider.ask("payment_intents", form)
        if not leaves:
            path = f"payment_intents/{intent['id']}/confirm"
            self.run.provider.ask(path, {"payment_method": card})

    def choose(self) -> dict[int, int]:
        """Return units of one or two products."""
        chosen = self.random.sample(list(self.run.kit.fleet.products), self.random.randint(1, 2))
        return {product: self.random.randint(1, 3) for product in chosen}

    def price(self, units: Mapping[int, int]) -> int:
        """Return the total in pence."""
        prices = self.run.kit.fleet.products
        return int(sum(prices[product][0] * number for product, number in units.items()) * 100)

    def hold(self, id: str, units: Mapping[int, int], *, leaves: bool) -> Reply | None:
        """Place the order as a hold; None if the app leaves before the answer."""
        wish = self.run.kit.fleet.order(self.account, units)
        hold = {"required": True, "hold_seconds": HOLD_SECONDS}
        wish.body |= {"id": id, "payment": hold}
        if leaves:
            self.run.kit.fleet.hang_up_in_the_middle(wish, self.random.random() * 0.02)
            return None
        return self.ask("POST", wish.path, wish.body)

    def is_placed(self, id: str) -> bool:
        """Poll until the order is placed; False if it is not soon."""
        for _ in range(POLLS):
            if self.ask("GET", f"orders/{id}").body.get("status") == "placed":
                return True
            time.sleep(POLL_SECONDS)
        return False

    def ask(self, method: str, path: str, body: Any = None) -> Reply:
        """Send a request to the shop until it is answered."""
        headers = {"Idempotency-Key": str(uuid4())} if method == "POST" else None
        token = self.account.token(self.client)
        return self.client.insist(method, path, body, token=token, headers=headers)


class Staff(Phone):
    """Receives units of scarce products, and pays back what is due."""

    def work(self) -> None:
        """Do both until the run is over."""
        refunded: set[int] = set()
        products = self.run.kit.fleet.products.items()
        scarce = [product for product, (_, units) in products if units == SCARCE]
        while not self.run.over.wait(1.0):
            product = self.random.choice(scarce)
            body = {"reason": "received", "lines": [{"product": product, "delta": 20}]}
            if self.ask("POST", "stock/adjustments", body).status == 201:
                self.run.received[product] += 20
            for due in self.ask("GET", "refunds-due?limit=100").body["results"]:
                if due["id"] not in refunded:
                    refunded.add(due["id"])
                    with contextlib.suppress(Stopped):
                        self.refund(due)

    def refund(self, due: Mapping[str, Any]) -> None:
        """Let the provider pay back what is due, from the first payment that has enough left."""
        payments = self.ask("GET", f"orders/{due['order']}/payments").body["results"]
        for payment in payments:
            form = {"payment_intent": payment["intent"], "amount": due["amount"]}
            if payment["kind"] == "captured" and (
                "error" not in self.run.provider.ask("refunds", form)
            ):
                return


def play(kit: Kit) -> None:
    """Let customers pay while shop, provider and worker are killed, and compare both records."""
    site = kit.site
    kit.fleet.size = PHONES
    kit.fleet.open_shop()
    provider = Provider(site.urls[0], site.folder / "provider.sqlite")
    provider.start()
    run = Run(kit, provider)
    try:
        with working(run):
            crash(run, FULL_SECONDS if kit.full else SECONDS)
        if not wait_until(lambda: not provider.ask("age", {})["left"], DRAIN_SECONDS):
            kit.faults.append("Events of the provider were not taken.")
        site.mend()
        wait_until(lambda: not site.sql(PENDING), EXPIRY_SECONDS)
    finally:
        provider.stop()
    say(f"{run.checkouts.total():,} checkouts: {dict(run.checkouts)}")
    kit.faults += money_faults(kit, provider.file)
    kit.faults += stock_faults(kit, run.received)
    kit.fleet.products.clear()


@contextlib.contextmanager
def working(run: Run) -> Iterator[None]:
    """Let customers and staff work during the block, and wait for them afterwards."""
    kit = run.kit
    people: list[tuple[type[Phone], Account]] = [(Phone, who) for who in kit.fleet.customers]
    people.append((Staff, kit.fleet.staff))
    works: list[Callable[[], None]] = [
        kind(run, account, Client(0, 5.0, url=kit.site.urls[0]), Random(kit.random.random())).work  # noqa: S311
        for kind, account in people
    ]
    with ThreadPoolExecutor(len(works)) as threads:
        busy = [threads.submit(work) for work in works]
        try:
            yield
        finally:
            run.over.set()
        for future in busy:
            future.result()


def crash(run: Run, seconds: float) -> None:
    """Kill a part now and then, until the time is over."""
    kit, began = run.kit, time.monotonic()
    for name in cycle(["web0", "provider", "worker", "provider"]):
        time.sleep(kit.random.uniform(0.3, 1.0) * BETWEEN_SECONDS)
        since = time.monotonic()
        if since - began > seconds:
            return
        if name == "provider":
            run.provider.stop()
            run.provider.start()
        else:
            strike(kit.site.pids(name))
            kit.site.mend()
        kit.step(f"{name} killed", time.monotonic() - since, 60.0, since)


def money_faults(kit: Kit, file: Path) -> Iterator[str]:
    """Yield orders whose money is not where it belongs, by the provider's own record."""
    captured, held = Counter[str](), Counter[str]()
    with sqlite3.connect(file) as record:
        for (text,) in record.execute("SELECT body FROM object WHERE id LIKE 'pi%'"):
            intent = json.loads(text)
            id, amount = intent["metadata"]["larder_order"], intent["amount_received"]
            captured[id] += amount
            held[id] += amount - intent["amount_refunded"]
    orders = {id: row for id, *row in kit.site.sql(ORDERS)}
    due = dict(kit.site.sql(DUE))
    for id in {*held, *orders, *due}:
        status, total, was_hold = orders.get(id, ("missing", 0, False))
        cost = 0 if status in {"missing", "cancelled", "expired"} else total
        text = f"{id} ({status}) costs {cost}, {held[id]} is held and {due.get(id, 0)} due"
        if due.get(id, 0) != max(0, held[id] - cost):
            yield f"The refund due is wrong: {text}."
        if was_hold and status == "placed" and captured[id] < cost:
            yield f"It was placed without a payment: {text}."
        if status == "pending":
            yield f"It is still held: {text}."


def stock_faults(kit: Kit, received: Mapping[int, int]) -> Iterator[str]:
    """Yield products whose units are not those that placed orders leave."""
    products = kit.fleet.products
    for product, available, committed, sold in kit.site.sql(SHELVES, [list(products)]):
        units = products[product][1] + received.get(product, 0)
        if (available, committed) != (units - sold, sold):
            yield f"Product {product}: {units} there, {sold} sold, {available} + {committed} left."
