"""A worker that dies at a commit: before it nothing was done, after it a repeat does nothing more.

docs/explain/architecture.md#when-a-process-dies says the same to readers.
"""

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import pytest

from larder.db import database
from larder.v1.payment_providers import sign
from tests.conftest import Person
from tests.server import Reply, Server
from tests.system.faults.processes import RESPAWN
from tests.v1.stripe_events import SECRET, STRIPE, event, intent

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
GONE = (OSError, http.client.HTTPException)
"""How a client notices that the server died."""

BETWEEN_DEATHS = 7.0
"""Seconds: Granian ends the whole server if a worker dies within 5.5 s of its start in place of
another (granian/server/common.py). Then a supervisor starts it again, which is missing here."""


@dataclass(frozen=True)
class Sent:
    """A request, as it is sent first and again. `table` is one that it writes."""

    path: str
    body: Any = None
    table: str = "order_event"
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)


def keyed(path: str, body: Any = None, **rest: Any) -> Sent:
    """A request with an idempotency key."""
    return Sent(path, body, headers={"Idempotency-Key": uuid4().hex}, **rest)


@dataclass
class Dying:
    """A server whose workers die at a commit, and one of staff who orders and moves orders."""

    server: Server
    token: str
    warrant: Path
    jam: int
    died_at: float = float("-inf")

    def call(self, sent: Sent) -> Reply:
        return self.server.call(
            sent.method, sent.path, sent.body, token=self.token, headers=sent.headers
        )

    def die(self, when: str, sent: Sent) -> None:
        """Sends the request; the worker is gone before it answers."""
        sleep(max(0.0, self.died_at + BETWEEN_DEATHS - monotonic()))
        self.warrant.write_text(f"{when} {sent.table}")
        with pytest.raises(GONE):
            self.call(sent)
        self.died_at = monotonic()
        assert not self.warrant.exists()

    def insist(self, sent: Sent) -> Reply:
        """Sends the request until it is answered, as an app does."""
        deadline = monotonic() + 60
        while monotonic() < deadline:
            with suppress(*GONE):
                return self.call(sent)
            sleep(0.1)
        raise AssertionError("no server answers")

    def placed(self, *moves: str, **rest: Any) -> str:
        """The path of an order of two units, after these moves."""
        body = {"lines": [{"product": self.jam, "quantity": 2}], **rest}
        order = self.insist(keyed("orders", body))
        assert order.status == 201, order.body
        for move in moves:
            assert self.insist(Sent(f"orders/{order.body['id']}/{move}")).status == 200
        return f"orders/{order.body['id']}"


@pytest.fixture
def dying(
    transactional_db: None, person: MakePerson, product: MakeProduct, tmp_path: Path
) -> Iterator[Dying]:
    warrant, who = tmp_path / "warrant", person(is_staff=True, role="owner")
    own = {"WARRANT": str(warrant), "STRIPE_WEBHOOK_SECRETS": SECRET}
    with Server(
        application="tests.system.faults.killed_at_commit_app:application",
        environment=own,
        options=RESPAWN,
    ) as server:
        token = server.token(who.customer.username, who.password)
        yield Dying(server, token, warrant, product(stock=1000))


HELD = {"payment": {"required": True}}


def _cart(dying: Dying) -> Sent:
    filled = dying.insist(Sent(f"cart/lines/{dying.jam}", {"quantity": 3}, method="PUT"))
    assert filled.status in {200, 201}
    return keyed("cart/submit", {})


def _stripe_event(dying: Dying) -> Sent:
    """A payment that covers a held order, so it confirms it too."""
    id = dying.placed(**HELD).partition("/")[2]
    named = intent("succeeded", None, metadata={"larder_order": id}, amount_received=300)
    raw = json.dumps(event("payment_intent.succeeded", named | {"id": uuid4().hex})).encode()
    signed = sign(raw, secret=SECRET, at=datetime.now(UTC))
    return Sent(STRIPE, raw, "payment", headers={"Stripe-Signature": signed})


def _import(dying: Dying) -> Sent:
    text = f"sku,name,price,quantity\n{uuid4().hex},Tea,2.00,7\n".encode()
    sent = keyed("products/import", text, table="product")
    return Sent(sent.path, text, sent.table, headers=sent.headers | {"Content-Type": "text/csv"})


REQUESTS: dict[str, Callable[[Dying], Sent]] = {
    "place": lambda dying: keyed("orders", {"lines": [{"product": dying.jam, "quantity": 1}]}),
    "submit the cart": _cart,
    "return": lambda dying: keyed(
        f"{dying.placed('pack', 'ship')}/return",
        {"lines": [{"product": dying.jam, "quantity": 1}], "reason": "Broken."},
    ),
    "an event of Stripe": _stripe_event,
    "adjust stock": lambda dying: keyed(
        "stock/adjustments",
        {"reason": "received", "lines": [{"product": dying.jam, "delta": 4}]},
        table="ledger_entry",
    ),
    "import": _import,
}

BOOKS = """
SELECT (SELECT array_agg((status, version, total)::text ORDER BY id) FROM "order"),
    (SELECT array_agg((available, committed)::text ORDER BY product_id) FROM stock),
    (SELECT array_agg((captured, refunded)::text ORDER BY id) FROM "order"),
    (SELECT count(*) FROM ledger_entry), (SELECT count(*) FROM order_event),
    (SELECT count(*) FROM order_line), (SELECT count(*) FROM held_line),
    (SELECT count(*) FROM payment),
    (SELECT count(*) FROM idempotency_key), (SELECT count(*) FROM audit_entry)
"""


def books() -> tuple[Any, ...]:
    """What the shop has stored."""
    (found,) = database.rows(BOOKS)
    return found


def test_nothing_is_left_of_a_request_that_dies_before_its_commit(
    dying: Dying, subtests: pytest.Subtests
) -> None:
    for name, prepare in REQUESTS.items():
        with subtests.test(name):
            sent = prepare(dying)
            before = books()
            dying.die("before", sent)
            assert books() == before
            again = dying.insist(sent)
            assert again.status in {200, 201}, again.body
            assert "idempotency-replayed" not in again.headers
            assert books() != before


def test_a_repeat_does_nothing_more_if_the_worker_died_after_the_commit(
    dying: Dying, subtests: pytest.Subtests
) -> None:
    for name, prepare in REQUESTS.items():
        with subtests.test(name):
            sent = prepare(dying)
            before = books()
            dying.die("after", sent)
            done = books()
            assert done != before
            again = dying.insist(sent)
            assert again.status in {200, 201}, again.body
            has_key = "Idempotency-Key" in sent.headers
            assert not has_key or again.headers["idempotency-replayed"] == "true"
            assert books() == done
