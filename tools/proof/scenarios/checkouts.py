"""Payments of a simulated provider through losses and crashes: money in is money out."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from larder.local.processes import Kept
from larder.local.terminal import LauncherError, say
from tools.http_client import Client, Reply
from tools.processes import free_port, listens, wait_until
from tools.proof.fleet import Account
from tools.proof.site import Kit, strike

SECRET = "whsec_of-the-simulated-provider-alone"
SETTINGS = {"STRIPE_WEBHOOK_SECRETS": SECRET}
SECONDS, FULL_SECONDS, PHONES = 45, 1_800, 24
BETWEEN_SECONDS, DRAIN_SECONDS, EXPIRY_SECONDS = 12.0, 90.0, 120.0
HOLD_SECONDS, POLL_SECONDS, POLLS, TRIED_SECONDS = 2, 0.25, 12, 20.0
WAYS = {
    "hold pay": 46,
    "hold": 10,
    "cut": 5,
    "hold wait pay": 12,
    "hold pay pay": 6,
    "hold pay cancel": 10,
    "pay hold": 5,
    "pay": 6,
}
"""What a customer does, methods of Phone, and how often of a hundred."""
ORDERS = """
SELECT id::text, status, (total * 100)::bigint, expires_at IS NOT NULL
FROM orders."order"
"""
"""Id, status, total in pence, whether it was a hold."""
DUE = """
SELECT "order"::text, amount FROM orders.refund_due
WHERE currency = 'GBP' AND "order" NOT IN (
    SELECT "order" FROM orders.payment WHERE provider = 'terminal' AND "order" IS NOT NULL)
"""
"""Without the orders that a demo shop has from its start: staff have taken their money."""
PENDING = "SELECT 1 FROM orders.\"order\" WHERE status = 'pending'"
SHELVES = """
SELECT product_id, available, committed,
       (SELECT coalesce(sum(quantity), 0)::bigint
        FROM orders.order_line JOIN orders."order" ON "order".id = order_id
        WHERE order_line.product_id = stock.product_id AND status = 'placed')
FROM inventory.stock WHERE product_id = ANY(%s)
"""
"""Product, units available, committed, and in placed orders."""


class Stopped(Exception):
    """The customer does not go on: a refusal, or no answer."""


@dataclass
class Run:
    """What all customers share: the shop, and a process that takes payments and reports them to it,
    again until it is heard."""

    kit: Kit
    file: Path
    """The record of the payments."""
    port: int = field(default_factory=free_port)
    over: threading.Event = field(default_factory=threading.Event)
    checkouts: Counter[str] = field(default_factory=Counter)
    _kept: Kept | None = None

    def start(self) -> None:
        """Start the provider on its record. Raises LauncherError."""
        to = f"{self.kit.site.urls[0]}/api/v1/payments/providers/stripe"
        options = ["--secret", SECRET, "--to", to, "--port", str(self.port), "--seed", "1"]
        command = [sys.executable, "-m", "tools.stripe_double", str(self.file), *options]
        self._kept = Kept(command, output=subprocess.DEVNULL)
        if not wait_until(lambda: listens(self.port)):
            raise LauncherError("The simulated provider does not start.")

    def stop(self) -> None:
        """Stop the provider with SIGKILL."""
        if self._kept is not None:
            strike([self._kept.pid])
            self._kept.close()

    def ask(self, path: str, form: Mapping[str, Any]) -> Any:
        """Repeat a request to the provider until it is answered. Raises Stopped."""
        client, headers = Client(self.port, 5.0), {"Idempotency-Key": str(uuid4())}
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode(form).encode()
        reply = client.insist("POST", f"/v1/{path}", body, seconds=TRIED_SECONDS, headers=headers)
        client.hang_up()
        if not reply.status:
            raise Stopped
        return reply.body


@dataclass
class Phone:
    """A customer's app."""

    run: Run
    account: Account
    client: Client
    random: Random
    id: str = ""
    """Of the order, which the app chooses."""
    units: dict[int, int] = field(default_factory=dict)

    def work(self) -> None:
        """Check out again and again, each time in one of the WAYS."""
        products = list(self.run.kit.fleet.products)
        while not self.run.over.is_set():
            chosen = self.random.sample(products, self.random.randint(1, 2))
            self.id = str(uuid4())
            self.units = {product: self.random.randint(1, 3) for product in chosen}
            (way,) = self.random.choices(list(WAYS), list(WAYS.values()))
            with suppress(Stopped):
                for step in way.split():
                    getattr(self, step)()
            self.run.checkouts[way] += 1

    @property
    def total(self) -> int:
        """What the order costs, in pence."""
        prices = self.run.kit.fleet.products
        return int(sum(prices[product][0] * units for product, units in self.units.items()) * 100)

    @property
    def order(self) -> dict[str, Any]:
        """The body of an order with a hold."""
        lines = [{"product": product, "quantity": units} for product, units in self.units.items()]
        hold = {"required": True, "hold_seconds": HOLD_SECONDS}
        return {"id": self.id, "lines": lines, "payment": hold}

    def hold(self) -> None:
        """Place the order. Raises Stopped if it is refused."""
        if self.ask("POST", "orders", self.order).status != 201:
            raise Stopped

    def cut(self) -> None:
        """Place the order, and leave before the answer."""
        fleet = self.run.kit.fleet
        wish = fleet.order(self.account, self.units)
        wish.body = self.order
        fleet.hang_up_in_the_middle(wish, self.random.random() * 0.02)

    def pay(self) -> None:
        """Make a payment that names the order, and confirm it."""
        form = {"amount": self.total, "currency": "gbp", "metadata[larder_order]": self.id}
        intent = self.run.ask("payment_intents", form)["id"]
        self.run.ask(f"payment_intents/{intent}/confirm", {"payment_method": "pm_card_visa"})

    def wait(self) -> None:
        """Let the hold expire."""
        time.sleep(HOLD_SECONDS + self.random.random())

    def cancel(self) -> None:
        """Cancel the order once it is placed."""
        for _ in range(POLLS):
            if self.ask("GET", f"orders/{self.id}").body.get("status") == "placed":
                self.ask("POST", f"orders/{self.id}/cancel", {})
                return
            time.sleep(POLL_SECONDS)

    def ask(self, method: str, path: str, body: Any = None) -> Reply:
        """Send a request to the shop until it is answered."""
        headers = {"Idempotency-Key": str(uuid4())} if method == "POST" else None
        token = self.account.token(self.client)
        return self.client.insist(method, path, body, token=token, headers=headers)


class Staff(Phone):
    """Pays back what is due."""

    def work(self) -> None:
        """Look until the run is over."""
        refunded: set[int] = set()
        while not self.run.over.wait(1.0):
            for due in self.ask("GET", "refunds-due?limit=100").body["results"]:
                if due["id"] not in refunded:
                    refunded.add(due["id"])
                    with suppress(Stopped):
                        self.refund(due)

    def refund(self, due: Mapping[str, Any]) -> None:
        """Let the provider pay back what is due, from the first payment that has enough left."""
        payments = self.ask("GET", f"orders/{due['order']}/payments").body["results"]
        for payment in payments:
            form = {"payment_intent": payment["intent"], "amount": due["amount"]}
            if payment["kind"] == "captured" and ("error" not in self.run.ask("refunds", form)):
                return


def play(kit: Kit) -> None:
    """Let customers pay while shop, provider and worker are killed, and compare both records."""
    kit.fleet.size = PHONES
    kit.fleet.open_shop()
    run = Run(kit, kit.site.folder / "provider.sqlite")
    run.start()
    try:
        with working(run):
            crash(run, FULL_SECONDS if kit.full else SECONDS)
        if not wait_until(lambda: not run.ask("age", {})["left"], DRAIN_SECONDS):
            kit.faults.append("Events of the provider were not taken.")
        kit.site.mend()
        wait_until(lambda: not kit.site.sql(PENDING), EXPIRY_SECONDS)
    finally:
        run.stop()
    say(f"{run.checkouts.total():,} checkouts: {dict(run.checkouts)}")
    kit.faults += [*money_faults(kit, run.file), *stock_faults(kit)]
    kit.fleet.products.clear()


@contextmanager
def working(run: Run) -> Iterator[None]:
    """Let customers and staff work during the block, and wait for them afterwards."""
    kit = run.kit
    phones = [
        kind(run, account, Client(0, 5.0, url=kit.site.urls[0]), Random(kit.random.random()))  # noqa: S311
        for kind, accounts in ((Phone, kit.fleet.customers), (Staff, [kit.fleet.staff]))
        for account in accounts
    ]
    with ThreadPoolExecutor(len(phones)) as threads:
        busy = [threads.submit(phone.work) for phone in phones]
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
            run.stop()
            run.start()
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


def stock_faults(kit: Kit) -> Iterator[str]:
    """Yield products whose units are not those that placed orders leave."""
    for product, *units, sold in kit.site.sql(SHELVES, [list(kit.fleet.products)]):
        there = kit.fleet.products[product][1]
        if units != [there - sold, sold]:
            yield f"Product {product}: {there} there, {sold} sold, {units} left and committed."
