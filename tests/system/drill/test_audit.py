"""The audit of the drill detects every lost, repeated and wrong answer."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from larder.identity.models import Customer
from tests import database
from tests.ops import falsifying_proxy
from tests.server import Server
from tools.drill import books, shop
from tools.drill.audit import Audit
from tools.drill.customers import Crowd
from tools.drill.wishes import Record
from tools.replay.clients import Account

PASSWORD = "correct horse"
CUSTOMERS = 4


@pytest.fixture(scope="module")
def server(django_db_setup: None, django_db_blocker: Any) -> Iterator[Server]:
    """A running server with a clerk, for all of this file."""
    with django_db_blocker.unblock():
        Customer.objects.create_superuser("clerk", PASSWORD)
        with Server(workers=2) as running:
            yield running
        database.empty_database()


@dataclass
class Day:
    """Some customers' orders on a separate stage, and the answers that they got."""

    crowd: Crowd

    def faults(self, damage: str = "") -> list[str]:
        """The audit of the books as they are, or with a damage that is undone afterwards."""
        with psycopg.connect(database.superuser_url()) as superuser:
            if damage:
                superuser.execute("SET LOCAL session_replication_role = replica")
                done = superuser.execute(damage.format(**self.names()).encode())
                assert done.rowcount > 0, "there was nothing to damage"
            found = Audit(
                self.crowd.stage, self.crowd.record, books.read(superuser, self.crowd.stage)
            )
            superuser.rollback()
            return found.faults()

    def names(self) -> dict[str, Any]:
        """What a damage can name: an order that was acknowledged and is, one of the others."""
        given_back = {wish.of.id for wish in self.crowd.record.wishes if wish.of}
        kept = [
            wish
            for wish in self.crowd.record.wishes
            if wish.path == "orders" and wish.id and wish.id not in given_back
        ]
        received = [one for one in self.crowd.record.wishes if one.path.startswith("stock")]
        return {
            "order": f"'{kept[0].id}'",
            "product": next(iter(kept[0].units)),
            "receipt": f"'{received[0].id}'",
        }


def spend(url: str, folder: Path, *, orders: int = 40, impatience: float = 0.12) -> Day:
    """A day at the shop behind that address."""
    record = Record(folder / "heard.jsonl")
    clerk = Account("clerk", PASSWORD)
    stage = shop.set_stage(url, clerk, customers=CUSTOMERS, random=Random(1))  # noqa: S311
    crowd = Crowd(stage, record, 1, impatience)
    with crowd.running():
        crowd.wait_for(orders)
    crowd.look_up(after=0.5)
    record.close()
    return Day(crowd)


@pytest.fixture(scope="module")
def day(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A day without lies, long enough for a client to cancel and for goods to come in."""
    url = f"http://127.0.0.1:{server.port}"
    return spend(url, tmp_path_factory.mktemp("day"), orders=150)


def test_a_run_without_damage_has_no_faults(day: Day) -> None:
    assert day.faults() == []
    wishes = day.crowd.record.wishes
    assert {one.kind for one in wishes} == {"order", "cancel", "receive"}
    assert any(one.refused for one in wishes)
    assert any(one.found is not None for one in wishes)
    assert any(one.replayed for wish in wishes for one in wish.heard)


_ANOTHER = """
WITH copy AS (INSERT INTO orders."order" SELECT (jsonb_populate_record(o, {what})).*
              FROM orders."order" o WHERE id = {{order}} RETURNING id)
INSERT INTO orders.order_line (order_id, product_id, sku, name, unit_price, quantity, placed_at)
SELECT copy.id, product_id, sku, name, unit_price, quantity, placed_at
FROM orders.order_line, copy WHERE order_id = {{order}}
"""
_NEW = "'id', gen_random_uuid(), 'number', 1000000000"

DAMAGES = {
    "an acknowledged order is lost": (
        'DELETE FROM orders."order" WHERE id = {order}',
        "was acknowledged and is in the books 0 times",
    ),
    "an order is doubled": (
        _ANOTHER.format(what=f"jsonb_build_object({_NEW})"),
        "was acknowledged and is in the books 2 times",
    ),
    "there is an order that no customer sent": (
        _ANOTHER.format(what=f"jsonb_build_object({_NEW}, 'reference', 'strange')"),
        "There is an order 'strange' that no customer sent.",
    ),
    "an order has another id": (
        """
        WITH new AS (SELECT gen_random_uuid() AS id), moved AS (
            UPDATE orders.order_line SET order_id = new.id FROM new WHERE order_id = {order})
        UPDATE orders."order" o SET id = new.id FROM new WHERE o.id = {order}
        """,
        "is in the books under another id",
    ),
    "an order is another customer's": (
        """
        UPDATE orders."order" SET customer_id = (SELECT id FROM identity.customer
            WHERE username = 'clerk') WHERE id = {order}
        """,
        "is in the books of another customer, clerk",
    ),
    "a line lost a unit": (
        "UPDATE orders.order_line SET quantity = quantity + 1 WHERE order_id = {order}",
        "has other units in the books",
    ),
    "a total is off by a penny": (
        'UPDATE orders."order" SET total = total + 0.01 WHERE id = {order}',
        "the books say",
    ),
    "an order was cancelled by itself": (
        "UPDATE orders.\"order\" SET status = 'cancelled' WHERE id = {order}",
        "is placed by the answers; the books say cancelled",
    ),
    "a cancellation is forgotten": (
        "UPDATE orders.\"order\" SET status = 'placed' WHERE status = 'cancelled'",
        "is cancelled by the answers; the books say placed",
    ),
    "a unit appears on the shelf": (
        "UPDATE inventory.stock SET available = available + 1 WHERE product_id = {product}",
        "available and",
    ),
    "a unit is committed to no order": (
        "UPDATE inventory.stock SET committed = committed + 1 WHERE product_id = {product}",
        "available and",
    ),
    "an entry of the ledger is lost": (
        """
        DELETE FROM inventory.ledger_entry WHERE id = (SELECT max(id)
            FROM inventory.ledger_entry WHERE product_id = {product} AND cause = 'order')
        """,
        "the ledger adds up to something else than its stock",
    ),
    "an acknowledged delivery is lost": (
        "DELETE FROM inventory.ledger_entry WHERE reference = {receipt}",
        "was acknowledged and is in the ledger 0 times",
    ),
    "a delivery is booked twice": (
        """
        INSERT INTO inventory.ledger_entry (product_id, available_change, committed_change,
            available_after, committed_after, cause, reference, actor, at)
        SELECT product_id, available_change, committed_change, available_after, committed_after,
            cause, gen_random_uuid()::text, actor, at
        FROM inventory.ledger_entry WHERE reference = {receipt}
        """,
        "that no customer sent",
    ),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_the_audit_detects_each_damage(day: Day, what: str) -> None:
    damage, fault = DAMAGES[what]
    assert any(fault in one for one in day.faults(damage)), day.faults(damage)
    assert day.faults() == []


def hides_a_repeat(message: falsifying_proxy.Message, pass_on: falsifying_proxy.Pass) -> bool:
    """Does not say of a repeat that it is one."""
    pass_on(message)
    return message.places and bool(message.answer_headers.pop("idempotency-replayed", None))


LIES: dict[falsifying_proxy.Lie, str] = {
    falsifying_proxy.places_twice: "is in the books 2 times",
    falsifying_proxy.loses_an_answer: "was answered 500",
    falsifying_proxy.denies_an_order: "was refused and is in the books 1 times",
    falsifying_proxy.acknowledges_nothing: "was acknowledged and is in the books 0 times",
    hides_a_repeat: "was carried out more than once, not repeated",
}


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_the_audit_detects_wrong_answers_of_a_server(
    server: Server, tmp_path: Path, lie: falsifying_proxy.Lie
) -> None:
    """No client disconnects: a lie without a reader has no effect."""
    with falsifying_proxy.lying(server.port, lie) as url:
        found = spend(url, tmp_path, orders=80, impatience=0).faults()
    assert any(LIES[lie] in one for one in found), found


def test_a_run_without_wrong_answers_has_no_faults(server: Server, tmp_path: Path) -> None:
    with falsifying_proxy.lying(server.port, falsifying_proxy.no_lie) as url:
        assert spend(url, tmp_path, orders=100).faults() == []


def test_every_received_answer_is_in_the_record(day: Day) -> None:
    heard = sum(len(wish.heard) for wish in day.crowd.record.wishes)
    assert len(day.crowd.record.path.read_text().splitlines()) == heard
