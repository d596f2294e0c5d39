"""Attacks for which no test is quick enough: others are served meanwhile."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

from larder.local.terminal import say
from tools.http_client import Client, Reply
from tools.proof.fleet import Account, require
from tools.proof.site import Kit, Site

SETTINGS = {
    "TRUSTED_PROXIES": "127.0.0.1/32",
    "RATE_LIMITS": "normal",
    "QUOTA_ORDERS": "1000000/hour",
}
SECONDS, FULL_SECONDS = 6.0, 40.0


def play(kit: Kit) -> None:
    """Make each attack; one that breaks a promise is a fault."""
    client = Client(0, url=kit.site.urls[0])
    name = kit.fleet.name
    kit.fleet.add_product(client, f"{name}-plenty", Decimal("1.50"), 1_000_000)
    for attack in ATTACKS:
        began = time.monotonic()
        try:
            text = attack(kit)
        except Broken as broken:
            text = f"BROKEN: {broken}"
            kit.faults.append(f"{attack.__name__}: {broken}")
        kit.step(attack.__name__, time.monotonic() - began, 300.0, began)
        say(f"    {text}")
    kit.fleet.products.clear()


def seconds(kit: Kit) -> float:
    """Return how long an attack lasts."""
    return FULL_SECONDS if kit.full else SECONDS


def order(kit: Kit) -> Callable[[], Reply]:
    """Return a call with which a customer orders."""
    person = Person.register(kit.site)
    body = {"lines": [{"product": next(iter(kit.fleet.products)), "quantity": 1}]}
    return lambda: person.ask("POST", "orders", body)


def servers_with_fast_clocks(kit: Kit) -> str:
    """Tokens of a server whose clock is ahead are accepted."""
    person = Person.register(kit.site)
    head, payload, _ = person.account.token(person.client).split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    secret = kit.site.settings["SECRET_KEY"].encode()
    key = hmac.digest(secret, b"larder:access", hashlib.sha256)
    for ahead in (1, 5, 30, 60):
        moved = claims | {name: claims[name] + ahead for name in ("iat", "exp")}
        signed = f"{head}.{_text(json.dumps(moved).encode())}"
        token = f"{signed}.{_text(hmac.digest(key, signed.encode(), hashlib.sha256))}"
        reply = person.client.attempt("GET", "me", token=token)
        if reply.status != 200:
            raise Broken(f"a token of {ahead} s ahead was answered {reply.code}")
    return "tokens of up to 60 s ahead are accepted"


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def expensive_bodies(kit: Kit) -> str:
    """Bodies that are too large cost little, and are refused unread."""
    client, times = Client(0, url=kit.site.urls[0]), 20
    body = b'{"a":1,"a":[' + b"1," * 60_000 + b"1]}"
    form = b"&".join(b"field%d=1" % number for number in range(200_000))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    costs = {}
    for path, data, kind in (
        ("auth/token", body, {}),
        ("/admin/", form, headers),
        ("/admin/catalog/product/add/", form, headers),
    ):
        before = cpu_seconds(kit.site)
        for _ in range(times):
            client.attempt("POST", path, data, headers=kind)
        costs[path] = (cpu_seconds(kit.site) - before) / times
        if costs[path] > 0.05:
            raise Broken(f"a body of {len(data):,} bytes to {path} cost {costs[path]:.2f} s of CPU")
    return ", ".join(f"{path} {cost * 1000:.0f} ms" for path, cost in costs.items())


def short_searches(kit: Kit) -> str:
    """A search for short words is quick."""
    person, slowest = Person.register(kit.site), 0.0
    for words in ("a%20e", "e%20a%20i%20o%20s%20t%20r%20n", "2", "set%20set%20set%20set"):
        began = time.monotonic()
        reply = person.ask("GET", f"products?count=true&limit=100&q={words}")
        slowest = max(slowest, time.monotonic() - began)
        if reply.status != 200 or slowest > 1.0:
            raise Broken(f"a search for {words} was answered {reply.status} after {slowest:.1f} s")
    return f"slowest search {slowest * 1000:.0f} ms"


def large_carts(kit: Kit) -> str:
    """Carts of 1,000 lines on 48 connections of three accounts leave others alone."""
    rows = kit.site.sql("SELECT id FROM catalog.product ORDER BY id LIMIT 1000")
    cart = {"lines": [{"product": product, "quantity": 1} for (product,) in rows]}
    calls = []
    for _ in range(3):
        person = Person.register(kit.site)
        calls += [partial(person.ask, "GET", "cart"), partial(person.ask, "PUT", "cart", cart)]
    with flood(calls * 8) as statuses, beside(order(kit)) as others:
        time.sleep(seconds(kit))
    return f"{others.check(3.0)}; carts {dict(statuses)}"


def guessed_passwords(kit: Kit) -> str:
    """Refreshes go on while 24 connections guess from ever new addresses."""
    site = kit.site

    def guess() -> Reply:
        address = f"2a00:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"
        body = {"username": secrets.token_hex(4), "password": "a wrong one"}
        headers = {"X-Forwarded-For": address}
        return Client(0, url=site.urls[0]).attempt("POST", "auth/token", body, headers=headers)

    people = [Person.register(site) for _ in range(8)]
    for person in people:
        person.ask("GET", "me")
    turns = cycle(people)

    def refresh() -> Reply:
        person = next(turns)
        person.account._until = 0.0
        return person.ask("GET", "me")

    with flood([guess] * 24) as statuses, beside(refresh, threads=1) as others:
        time.sleep(seconds(kit))
    return f"refreshes: {others.check(2.0)}; guesses {dict(statuses)}"


def slow_uploads(kit: Kit) -> str:
    """Bodies that arrive a byte each four seconds leave others alone, without a proxy before."""
    port, count = kit.site.ports[0], 1_200 if kit.full else 600
    head = (
        b"POST /api/v1/auth/token HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    )
    with ExitStack() as opened:
        connections = []
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", port), 10.0)
            connections.append(opened.enter_context(connection))
            connection.sendall(head)
        with beside(order(kit)) as others:
            until = time.monotonic() + seconds(kit) * 2
            while time.monotonic() < until:
                for connection in connections:
                    try:
                        connection.sendall(b" ")
                    except OSError:
                        continue
                time.sleep(4.0)
    return f"{count} uploads; {others.check(1.0)}"


ATTACKS = (
    servers_with_fast_clocks,
    expensive_bodies,
    short_searches,
    large_carts,
    guessed_passwords,
    slow_uploads,
)


class Broken(Exception):
    """A promise does not hold. The text says what was seen."""


@dataclass
class Served:
    """What the customers beside an attack were answered."""

    seconds: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def p99(self) -> float:
        """The 99th percentile of the seconds; a request that failed counts as endless."""
        seconds = sorted([*self.seconds, *[float("inf")] * self.failures.total()])
        return seconds[int(0.99 * (len(seconds) - 1))] if seconds else float("inf")

    def check(self, longest: float) -> str:
        """Return a sentence. Raises Broken if the p99 is above `longest` seconds."""
        text = f"{len(self.seconds)} requests of others, p99 {self.p99:.2f} s"
        if not self.p99 < longest:
            raise Broken(f"{text}, failed {dict(self.failures)}")
        return text


@contextmanager
def beside(call: Callable[[], Reply], threads: int = 2, pause: float = 0.05) -> Iterator[Served]:
    """Make a customer's request again and again during the block."""
    served, over = Served(), threading.Event()

    def work() -> None:
        while not over.wait(pause):
            began = time.monotonic()
            reply = call()
            if 200 <= reply.status < 300:
                served.seconds.append(time.monotonic() - began)
            else:
                served.failures[reply.code] += 1

    with ThreadPoolExecutor(threads) as pool:
        busy = [pool.submit(work) for _ in range(threads)]
        try:
            yield served
        finally:
            over.set()
        for future in busy:
            future.result()


@contextmanager
def flood(calls: Sequence[Callable[[], Reply]]) -> Iterator[Counter[int]]:
    """Make each call again and again in a thread of its own during the block; give the numbers of
    answers by status."""
    statuses, over = Counter[int](), threading.Event()

    def work(call: Callable[[], Reply]) -> None:
        while not over.is_set():
            statuses[call().status] += 1

    with ThreadPoolExecutor(len(calls)) as pool:
        busy = [pool.submit(work, call) for call in calls]
        try:
            yield statuses
        finally:
            over.set()
        for future in busy:
            future.result()


@dataclass
class Person:
    """A customer with a connection of their own."""

    client: Client
    account: Account

    @classmethod
    def register(cls, site: Site) -> Person:
        """Make an account. Raises LauncherError."""
        client = Client(0, url=site.urls[0])
        account = Account(f"person {secrets.token_hex(6)}", secrets.token_hex(12), 200.0)
        require(client.insist("POST", "auth/register", account.credentials), 201)
        return cls(client, account)

    def ask(self, method: str, path: str, body: Any = None) -> Reply:
        """Send a request once."""
        return self.client.attempt(method, path, body, token=self.account.token(self.client))


def cpu_seconds(site: Site) -> float:
    """Return the seconds of CPU that the processes of the first server have used."""
    ticks = 0
    for pid in site.pids("web0"):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / 100
