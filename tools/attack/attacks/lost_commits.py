"""Loses commits, their answers or the statement after them between the server and PostgreSQL."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from tools.attack.target import Person, Target, require, wait
from tools.http_client import Reply
from tools.wire import Loss, Wire

ITEM = 9
TITLE = "Lost answers to commits"
PROMISE = (
    "Every answer about an order is true, and a repeat has no second effect. No "
    "committed change of a cart or an order is answered as if nothing was done."
)

AWAY_SECONDS = 3.5


def attack(target: Target, *, full: bool) -> str:
    """Return how many commits were lost and what was answered; raises Broken."""
    times = 6 if full else 2
    with (
        Wire(target.cluster.app_url()) as wire,
        target.server({"DATABASE_URL": wire.url}, workers=1) as server,
    ):
        shop = _Shop(server, wire, server.customer(), server.product(stock=10_000))
        for _ in range(times):
            for loss in (Loss.ANSWER, Loss.DROPPED):
                for with_key in (True, False):
                    shop.lose(loss, with_key=with_key)
            shop.lose_what_follows()
        for with_key in (True, False):
            shop.lose_for_long(with_key=with_key)
        return f"{wire.lost} commits lost, all answers true"


class _Shop:
    def __init__(self, server: Target, wire: Wire, customer: Person, product: int) -> None:
        self._server, self._wire, self._customer, self._product = server, wire, customer, product

    def _order(self, key: str | None, reference: str) -> Reply:
        line = {"product": self._product, "quantity": 1}
        body: dict[str, Any] = {"lines": [line], "reference": reference}
        headers = {"Idempotency-Key": key} if key else {}
        return self._server.call(
            "POST", "orders", body, token=self._customer.access, headers=headers
        )

    def _placed(self, reference: str) -> int:
        counted = "SELECT count(*) FROM orders.order WHERE reference = %s"
        return int(self._server.sql(counted, [reference])[0][0])

    def lose(self, loss: Loss, *, with_key: bool) -> None:
        """The database stays where it is, so the answer has to be certain."""
        key, reference = secrets.token_hex(8) if with_key else None, str(uuid.uuid4())
        self._wire.lose(loss)
        reply = self._order(key, reference)
        wanted = 201 if loss is Loss.ANSWER else 503
        placed = self._placed(reference)
        require(
            (reply.status, placed) == (wanted, int(wanted == 201)),
            f"{loss.value}: answered {reply.status} {reply.code}, {placed} placed",
        )

    def lose_what_follows(self) -> None:
        """What the answer shows is read after the commit, here of a cart and of contract 2."""
        token, path = self._customer.access, f"cart/lines/{self._product}"
        put = {"quantity": secrets.randbelow(1000) + 1}
        self._wire.lose(Loss.AFTER)
        reply = self._server.call("PUT", path, put, token=token)
        answered = (reply.status, reply.code)
        require(answered == (503, "outcome_unknown"), f"a committed PUT: answered {answered}")
        product = self._server.call("GET", f"products/{self._product}", token=token).body
        order = {"order_items": [{"product": product["public_id"], "quantity": 1}]}
        self._wire.lose(Loss.AFTER)
        reply = self._server.call("POST", "/api/orders/orders/", order, token=token)
        answered = (reply.status, reply.code)
        require(answered == (500, "outcome_unknown"), f"a committed order: answered {answered}")

    def lose_for_long(self, *, with_key: bool) -> None:
        """The database is away for longer than a request may take."""
        key, reference = secrets.token_hex(8) if with_key else None, str(uuid.uuid4())
        self._wire.lose(Loss.ANSWER, away=AWAY_SECONDS)
        reply = self._order(key, reference)
        wanted = 503 if with_key else 500
        require(
            (reply.status, reply.code) == (wanted, "outcome_unknown"),
            f"with the database away: answered {reply.status} {reply.code}",
        )
        require(with_key is ("retry-after" in reply.headers), "Retry-After contradicts the status")
        wait(AWAY_SECONDS)
        if with_key:
            again = self._order(key, reference)
            require(again.status == 201, f"the repeat was answered {again.status} {again.code}")
        require(self._placed(reference) == 1, f"{self._placed(reference)} orders placed, not one")
