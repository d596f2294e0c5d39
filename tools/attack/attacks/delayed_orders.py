"""Sends an order again after it was abandoned, and abandons orders while they are placed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from tools.attack.target import Person, Target, require
from tools.http_client import Reply

ITEM = 11
TITLE = "Orders that arrive late"
PROMISE = "An order that was abandoned is never placed; both answers about an order agree."
CLIENTS = 8


def attack(target: Target, *, full: bool) -> str:
    """Return how many orders were abandoned late and in flight; raises Broken."""
    who, jam = target.customer(), target.product(stock=1_000_000)
    _refuse_a_late_try(target, who, jam)
    rounds = 400
    with ThreadPoolExecutor(CLIENTS) as clients:
        for _ in range(rounds // CLIENTS):
            for _ in clients.map(lambda _: _race(target, who, jam), range(CLIENTS)):
                pass
    return f"{rounds} orders placed and abandoned at once, each one or the other"


def _refuse_a_late_try(target: Target, who: Person, jam: int) -> None:
    id = str(uuid4())
    answer = _abandon(target, who, id)
    require(answer.status == 200, f"POST orders/abandon answered {answer.status}")
    late = _place(target, who, jam, id)
    require(late.code == "order_abandoned", f"a late order was answered {late.status}")
    placed = _place(target, who, jam, str(uuid4()))
    outcome = _abandon(target, who, placed.body["id"]).body
    require(outcome == {"outcome": "placed", "order": placed.body}, "a placed order is not shown")


def _race(target: Target, who: Person, jam: int) -> None:
    """Place and abandon one order at once; raises Broken where the answers disagree."""
    id = str(uuid4())
    with ThreadPoolExecutor(2) as both:
        placing = both.submit(_place, target, who, jam, id)
        outcome = _abandon(target, who, id)
        placed = placing.result()
    again = _place(target, who, jam, id)
    if outcome.body.get("outcome") == "abandoned":
        agree = placed.code == again.code == "order_abandoned"
    else:
        agree = placed.status == again.status == 201
    require(agree, f"abandoning: {outcome.body}, placing: {placed.code}, again: {again.code}")


def _place(target: Target, who: Person, jam: int, id: str) -> Reply:
    body = {"id": id, "lines": [{"product": jam, "quantity": 1}]}
    return target.call("POST", "orders", body, token=who.access)


def _abandon(target: Target, who: Person, id: str) -> Reply:
    return target.call("POST", "orders/abandon", {"id": id}, token=who.access)
