"""Defines the requests for pages of the history: each filter, each time at another place."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

from benchmarks import servers
from benchmarks.history.shops import KEYS, Shop
from tools.errors import LauncherError

OFTEN, EARLY, STAFF = KEYS[1], KEYS[2], KEYS[3]
PLACES = 40
"""Moments, numbers and customers of a question, one after the other."""
_chance = random.Random(7)  # noqa: S311
"""The same places each time."""
ROWS = 20

Ask = Callable[[Shop], str]


@dataclass(frozen=True, slots=True)
class Question:
    """Describes a request for a page: its name, its caller and its path in a shop. `deep` begins
    it at a cursor somewhere in the history; it has `rows` orders."""

    name: str
    key: str
    path: Ask
    deep: bool = False
    rows: int = ROWS


def _always(query: str) -> Ask:
    return lambda _: f"/api/v1/orders{query}"


def _somewhen(shop: Shop) -> str:
    """Returns a moment between the first thousand orders and now."""
    back = timedelta(seconds=10 * _chance.randrange(max(1, shop.orders - 1_000)))
    return quote((datetime.now(UTC) - back).isoformat())


def _before(query: str) -> Ask:
    return lambda shop: f"/api/v1/orders?placed_before={_somewhen(shop)}{query}"


def _number(shop: Shop) -> str:
    return f"/api/v1/orders?number={_chance.randint(1, shop.orders)}"


def _customer(shop: Shop) -> str:
    return f"/api/v1/orders?customer={_chance.randrange(4, 3 + shop.orders // 50)}"


QUESTIONS = (
    Question("first page", OFTEN, _always("")),
    Question("a page deep in it, by cursor", OFTEN, _before(""), deep=True),
    Question("by time", OFTEN, _before("")),
    Question("by a common status", OFTEN, _always("?status=delivered")),
    Question("by a rare status, far back", OFTEN, _always("?status=packed")),
    Question("by a status nothing has", OFTEN, _always("?status=shipped"), rows=0),
    Question("by several statuses", OFTEN, _always("?status=packed,delivered")),
    Question("of a customer who ordered long ago", EARLY, _always("")),
    Question("staff: by number", STAFF, _number, rows=1),
    Question("staff: by customer", STAFF, _customer),
    Question("staff: by a customer who ordered long ago", STAFF, _always("?customer=2")),
    Question("staff: by a product sold often", STAFF, _always("?product=1")),
    Question("staff: the same, deep, by cursor", STAFF, _before("&product=1"), deep=True),
    Question("staff: by a product sold long ago", STAFF, _always("?product=2")),
    Question("staff: by a common status", STAFF, _always("?status=delivered")),
    Question("staff: by a rare status, far back", STAFF, _always("?status=returned")),
    Question("staff: by several statuses", STAFF, _before("&status=delivered,packed,returned")),
    Question("staff: by time", STAFF, _before("")),
    Question("staff: by time, deep, by cursor", STAFF, _before(""), deep=True),
)


def paths(question: Question, shop: Shop) -> list[str]:
    """The requests that ask the question, at PLACES places. Raises LauncherError for a page that
    is not as full as it has to be: a ratio between unequal pages says nothing."""
    found = [question.path(shop) for _ in range(PLACES)]
    if question.deep:
        found = [_link(shop, question, path) for path in found]
    for path in found:
        _page(shop, question, path)
    return found


def _link(shop: Shop, question: Question, path: str) -> str:
    """Where the next page begins, as the page tells it."""
    link = urlsplit(_page(shop, question, path)["next"])
    return f"{link.path}?{link.query}"


def _page(shop: Shop, question: Question, path: str) -> dict[str, str]:
    answer = servers.get(shop.server.port, path, question.key)
    if answer.status != 200:
        raise LauncherError(f"GET {path} answered {answer.status}: {answer.body.decode()}")
    page: dict[str, str] = json.loads(answer.body)
    if len(page["results"]) != question.rows:
        answers = f"{len(page['results'])} orders, not {question.rows}"
        raise LauncherError(f"{question.name}, {shop.orders:,} orders: {answers} ({path})")
    return page
