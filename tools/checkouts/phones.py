"""Phones that check out and give up at any step, staff who refund, and a probe of expired holds."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from tools.drill.shop import Product, Stage
from tools.replay.clients import Account, NoAnswerError, persist
from tools.replay.wire import Answer, Line, Request
from tools.stripe_double import Thing

WAYS = {
    "pays": 40,
    "leaves before the answer": 5,
    "leaves after the hold": 8,
    "leaves before paying": 6,
    "leaves after paying": 10,
    "pays late": 10,
    "pays twice": 4,
    "pays in two parts": 3,
    "is declined, then pays": 4,
    "pays, then cancels": 6,
    "pays before ordering": 2,
    "pays and never orders": 1,
    "pays and abandons": 1,
}
"""What phones do, and how often of a hundred."""
HOLD_SECONDS, POLL_SECONDS, POLLS, TRIES = 2, 0.25, 12, 40
GONE = (OSError, http.client.HTTPException, NoAnswerError)


class Stopped(Exception):
    """The run is over, or the provider stays away."""


@dataclass
class Run:
    """What all threads share."""

    stage: Stage
    provider: int
    """The port of the provider."""
    goal: int
    over: threading.Event = field(default_factory=threading.Event)
    ways: Counter[str] = field(default_factory=Counter)
    lags: list[float] = field(default_factory=list)
    """Seconds from the end of a hold until its unit could be ordered, by probe; 0.0: at once."""
    received: Counter[int] = field(default_factory=Counter)
    """Units that staff received of each product."""
    failures: list[str] = field(default_factory=list)

    def ask_provider(self, path: str, given: Mapping[str, Any]) -> Thing:
        """Repeat a request to the provider until it is answered. Raises Stopped."""
        key = str(uuid4())
        headers = {"Idempotency-Key": key, "Content-Type": "application/x-www-form-urlencoded"}
        for _ in range(TRIES):
            line = http.client.HTTPConnection("127.0.0.1", self.provider, timeout=5)
            with contextlib.suppress(*GONE), contextlib.closing(line):
                line.request("POST", f"/v1/{path}", urlencode(given), headers)
                return dict(json.loads(line.getresponse().read()))
            time.sleep(POLL_SECONDS)
        raise Stopped


@dataclass
class Phone:
    """A customer's app. One checkout after another, each in one of the WAYS."""

    run: Run
    account: Account
    line: Line
    random: Random

    def work(self) -> None:
        """Check out until the run is over."""
        ways, weights = list(WAYS), list(WAYS.values())
        while not self.run.over.is_set():
            (way,) = self.random.choices(ways, weights)
            with contextlib.suppress(*GONE, Stopped):
                self.check_out(way)
            self.run.ways[way] += 1
            if self.run.ways.total() >= self.run.goal:
                self.run.over.set()

    def check_out(self, way: str) -> None:
        """One checkout. The phone chooses the id of the order."""
        id, lines = str(uuid4()), self.choose()
        if way.startswith(("pays before", "pays and")):
            self.pay(id, self.price(lines))
            if way == "pays and abandons":
                self.ask("POST", "orders/abandon", {"id": id})
            if way != "pays before ordering":
                return
        held = self.hold(id, lines, leaves=way == "leaves before the answer")
        if held is None or held.status != 201:
            return
        if way in {"leaves after the hold", "pays before ordering"}:
            return
        self.pay_as(way, id, round(float(held.body["total"]) * 100))
        is_placed = not way.startswith("leaves") and self.is_placed(id)
        if is_placed and way == "pays, then cancels":
            self.ask("POST", f"orders/{id}/cancel", {})

    def pay_as(self, way: str, id: str, amount: int) -> None:
        """Pay the order in this way."""
        if way == "pays late":
            time.sleep(HOLD_SECONDS + self.random.random())
        if way == "is declined, then pays":
            self.pay(id, amount, card="pm_card_chargeDeclined")
        if way == "pays in two parts" and amount > 1:
            self.pay(id, amount // 2)
            amount -= amount // 2
        self.pay(id, amount, leaves=way == "leaves before paying")
        if way == "pays twice":
            self.pay(id, amount)

    def pay(
        self, id: str, amount: int, card: str = "pm_card_visa", *, leaves: bool = False
    ) -> None:
        """Create a PaymentIntent that names the order, and confirm it."""
        given = {"amount": amount, "currency": "gbp", "metadata[larder_order]": id}
        made = self.run.ask_provider("payment_intents", given)
        if not leaves:
            path = f"payment_intents/{made['id']}/confirm"
            self.run.ask_provider(path, {"payment_method": card})

    def choose(self) -> list[dict[str, int]]:
        """One or two products."""
        chosen = self.random.sample(list(self.run.stage.products), self.random.randint(1, 2))
        return [{"product": one.id, "quantity": self.random.randint(1, 3)} for one in chosen]

    def price(self, lines: list[dict[str, int]]) -> int:
        """Return the cost in pence."""
        prices = {one.id: one.price for one in self.run.stage.products}
        return int(sum(prices[one["product"]] * one["quantity"] for one in lines) * 100)

    def hold(self, id: str, lines: Any, *, leaves: bool) -> Answer | None:
        """Place the order with a hold. None if the phone leaves before the answer."""
        hold = {"required": True, "hold_seconds": HOLD_SECONDS}
        request = self.request("POST", "orders", {"id": id, "lines": lines, "payment": hold})
        if not leaves:
            return persist(self.line, request)
        self.line.send(request)
        time.sleep(self.random.random() * 0.02)
        self.line.hang_up()
        return None

    def is_placed(self, id: str) -> bool:
        """Poll until the order is placed, or give up."""
        for _ in range(POLLS):
            if self.ask("GET", f"orders/{id}").body.get("status") == "placed":
                return True
            time.sleep(POLL_SECONDS)
        return False

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Send a request to the shop until it is answered."""
        return persist(self.line, self.request(method, path, body))

    def request(self, method: str, path: str, body: Any = None) -> Request:
        """Return a request of this account."""
        key = None if method == "GET" else str(uuid4())
        return Request(method, path, body, self.account.token(self.line), key)


@dataclass
class Staff(Phone):
    """Receives units of scarce products, and pays back what is due."""

    refunded: set[int] = field(default_factory=set)

    def work(self) -> None:
        """Do both until the run is over."""
        while not self.run.over.wait(1.0):
            with contextlib.suppress(*GONE, Stopped):
                self.receive(self.random.choice([p for p in self.run.stage.products if p.scarce]))
                self.pay_back()

    def receive(self, product: Product) -> None:
        """Fill up a scarce product. The key makes a lost answer harmless."""
        lines = [{"product": product.id, "delta": 20}]
        body = {"reason": "received", "lines": lines}
        request = self.request("POST", "stock/adjustments", body)
        for _ in range(TRIES):
            with contextlib.suppress(*GONE):
                if persist(self.line, request).status == 201:
                    self.run.received[product.id] += 20
                return

    def pay_back(self) -> None:
        """Refund each amount that is due once, from the oldest capture that has enough left."""
        path = "refunds-due?limit=100"
        while path and not self.run.over.is_set():
            page = self.ask("GET", path).body
            for due in page["results"]:
                if due["id"] not in self.refunded:
                    self.refunded.add(due["id"])
                    self.refund(due)
            path = (page["next"] or "").partition("/api/v1/")[2]

    def refund(self, due: Mapping[str, Any]) -> None:
        """Ask the provider to pay back what is due."""
        rows = self.ask("GET", f"orders/{due['order']}/payments").body["results"]
        for intent in (one["intent"] for one in rows if one["kind"] == "captured"):
            given = {"payment_intent": intent, "amount": due["amount"]}
            if "error" not in self.run.ask_provider("refunds", given):
                return


@dataclass
class Probe(Phone):
    """Orders the only unit of a product at the moment at which its hold ends."""

    product: int = 0

    def work(self) -> None:
        """Probe until the run is over."""
        while not self.run.over.is_set():
            with contextlib.suppress(*GONE):
                self.probe()

    def probe(self) -> None:
        """Hold the unit, try to order it just before the end, and at the end."""
        lines = [{"product": self.product, "quantity": 1}]
        hold = {"required": True, "hold_seconds": 1}
        held = self.ask("POST", "orders", {"lines": lines, "payment": hold})
        if held.status != 201:
            time.sleep(POLL_SECONDS)
            return
        end = datetime.fromisoformat(held.body["expires_at"]).timestamp()
        early = self.line.call(self.request("POST", "orders", {"lines": lines}))
        if early.status == 201 and time.time() < end:
            self.run.failures.append(f"order {early.body['id']} got a unit that was held")
        request = self.request("POST", "orders", {"lines": lines})
        time.sleep(max(0.0, end - time.time()) + 0.001)
        sent = time.time()
        answer = early if early.status == 201 else self.line.call(request)
        while answer.code == "insufficient_stock" and not self.run.over.is_set():
            answer = persist(self.line, self.request("POST", "orders", {"lines": lines}))
            self.run.lags.append(time.time() - sent)
        if answer.status == 201:
            self.run.lags.append(0.0)
            self.ask("POST", f"orders/{answer.body['id']}/cancel", {})
