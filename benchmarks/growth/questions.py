"""Defines the requests of the measurement, and what each shop does before each of them."""

from __future__ import annotations

import base64
import json
import random
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count, cycle
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg

from benchmarks.growth.shops import Shop
from benchmarks.history.client import Answer, Client, Request
from benchmarks.history.shops import KEYS
from benchmarks.traffic import Orders
from tools.errors import LauncherError

STAFF = KEYS[3]
ROWS = 20
LIST = "/api/v1/products"
HISTORY = "/api/v1/orders"
CHANGED_PRODUCTS = "/api/v1/products/changes"
CHANGED_ORDERS = "/api/v1/orders/changes"
PLACES = 40
"""Deep pages of the history, requested one after the other."""
PRICES = 1_700
"""Prices, a hundredth apart, above which every shop has a full page."""
SETTLED = 0.001
"""Seconds after which a server has put away what it answered."""
ALL_DECIDED = """
SELECT pg_snapshot_xmin(now) = pg_snapshot_xmax(now) FROM pg_current_snapshot() AS now
"""

Asking = Generator[Request, Answer, None]


@dataclass(frozen=True, slots=True)
class Question:
    """Describes one kind of request. `begin` yields the requests and checks each answer; what it
    does between two of them is not timed. `times` is how often it is sent for each time that others
    are: short requests need more of them for the same precision."""

    name: str
    begin: Callable[[Visitor], Asking]
    times: int = 1


class Visitor:
    """Simulates the customer with the most orders of a shop, and staff who make changes. Counts
    the `orders` and `units` that it ordered."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.chance = random.Random(f"{shop.extent}")  # noqa: S311
        self.orders = self.units = 0
        self._staff = Client(shop.server.port, STAFF)
        self._database = psycopg.connect(shop.cluster.superuser_url(), autocommit=True)
        self.renew()

    def renew(self) -> None:
        """Takes a token that is valid for two minutes."""
        self.client = Client(self.shop.server.port, self.shop.sessions.tokens()[0])

    def get(self, path: str) -> dict[str, Any]:
        """Returns a page as JSON."""
        return parsed(self.client.ask(Request(path)))

    def an_order(self) -> Request:
        """Returns an order of three random products, and counts it as placed."""
        quantities = Orders((), self.shop.products, "").quantities(self.chance)
        self.orders += 1
        self.units += sum(quantities.values())
        lines = [{"product": id, "quantity": units} for id, units in quantities.items()]
        return Request(HISTORY, "POST", json.dumps({"lines": lines}).encode(), status=201)

    def place_an_order(self) -> None:
        """Places one; it can be read in the feed when this returns."""
        self.client.ask(self.an_order())
        self._settle()

    def change_a_product(self) -> None:
        """Gives a product another price; that can be read in the feed when this returns."""
        product = self.chance.choice(self.shop.products)
        body = json.dumps({"price": f"{self.chance.randint(50, 2049) / 100:.2f}"}).encode()
        self._staff.ask(Request(f"{LIST}/{product}", "PATCH", body))
        self._settle()

    def _settle(self) -> None:
        """Waits until no transaction is open, also of autovacuum: feeds end before open ones."""
        time.sleep(SETTLED)
        while self._database.execute(ALL_DECIDED).fetchone() != (True,):
            time.sleep(SETTLED)

    def somewhen(self) -> str:
        """Returns a moment in the later half of the history of the shop."""
        back = timedelta(seconds=10 * self.chance.randrange(self.shop.extent.orders // 2))
        return quote((datetime.now(UTC) - back).isoformat())


def parsed(answer: Answer) -> dict[str, Any]:
    """Returns the JSON of an answer."""
    page: dict[str, Any] = json.loads(answer.body)
    return page


def expect(answer: Answer, rows: int) -> dict[str, Any]:
    """Returns the JSON. Raises LauncherError unless it has `rows` results."""
    page = parsed(answer)
    if len(page["results"]) != rows:
        raise LauncherError(f"{len(page['results'])} results, not {rows}: {answer.body!r:.300}")
    return page


def ready_list(visitor: Visitor) -> Asking:
    """Requests the first page, again and again."""
    while True:
        expect((yield Request(LIST)), ROWS)


def list_after_an_order(visitor: Visitor) -> Asking:
    """Requests the first page after an order has changed it."""
    while True:
        visitor.place_an_order()
        expect((yield Request(LIST)), ROWS)


def list_never_asked_before(visitor: Visitor) -> Asking:
    """Requests pages that are not in the cache, at changing prices."""
    for number in count():
        least = 0.50 + number * 677 % PRICES / 100
        expect((yield Request(f"{LIST}?ordering=price&min_price={least:.2f}")), ROWS)


def order(visitor: Visitor) -> Asking:
    """Places orders of three products."""
    while True:
        yield visitor.an_order()


def first_page(visitor: Visitor) -> Asking:
    """Requests the newest orders."""
    while True:
        expect((yield Request(HISTORY)), ROWS)


def deep_page(visitor: Visitor) -> Asking:
    """Requests pages by cursor, at changing places of the history."""
    befores = [f"{HISTORY}?placed_before={visitor.somewhen()}" for _ in range(PLACES)]
    links = [urlsplit(visitor.get(before)["next"]) for before in befores]
    for link in cycle(links):
        expect((yield Request(f"{link.path}?{link.query}")), ROWS)


def nothing_new(feed: str) -> Callable[[Visitor], Asking]:
    """Polls a feed with a complete copy."""

    def ask(visitor: Visitor) -> Asking:
        since = complete(visitor.get(feed)["since"])
        while True:
            since = expect((yield Request(f"{feed}?since={since}")), 0)["since"]

    return ask


def one_change(feed: str, change: Callable[[Visitor], None]) -> Callable[[Visitor], Asking]:
    """Polls a feed with a copy that lacks one change."""

    def ask(visitor: Visitor) -> Asking:
        since = complete(visitor.get(feed)["since"])
        while True:
            change(visitor)
            since = expect((yield Request(f"{feed}?since={since}")), 1)["since"]

    return ask


def complete(since: str) -> str:
    """Returns the token of a complete copy, made of that of the first page: the copy of a million
    products takes two thousand pages. The last part of a token is how far the copy is."""
    raw = base64.urlsafe_b64decode(since + "=" * (-len(since) % 4))
    token = json.dumps([*json.loads(raw)[:-1], None], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(token).decode().rstrip("=")


QUESTIONS = (
    Question("product list, ready", ready_list, times=6),
    Question("product list, after an order", list_after_an_order),
    Question("product list, a page that is not in the cache", list_never_asked_before),
    Question("order of three products", order),
    Question("own orders, first page", first_page),
    Question("own orders, a page deep in them", deep_page),
    Question("changed products, none", nothing_new(CHANGED_PRODUCTS)),
    Question("changed products, one", one_change(CHANGED_PRODUCTS, Visitor.change_a_product)),
    Question("changed orders, none", nothing_new(CHANGED_ORDERS)),
    Question("changed orders, one", one_change(CHANGED_ORDERS, Visitor.place_an_order)),
)
