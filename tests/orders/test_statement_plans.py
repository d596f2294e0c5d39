"""Statements of frequent writes use the indexes that their docstrings name, for any parameters."""

from collections.abc import Iterator

import pytest
from django.db import transaction

from larder.catalog import prices
from larder.db import database
from larder.db.postgresql.connection import with_numbered_parameters
from larder.inventory import sql as inventory
from larder.orders.queries import changes
from larder.orders.sql import carts, payments, writes
from tests.database import analyze, generic_plan, make_new

ROWS = 1_000

PRODUCTS = """
INSERT INTO product (public_id, sku, name, description, price, unit, barcode, image_url,
                     min_quantity, step, created_at, updated_at, version)
SELECT gen_random_uuid(), 'P' || n, 'P' || n, '', 1, '', '', '', 1, 1, now(), now(), 1
FROM generate_series(1, %s) AS n
"""

UNASSIGNED = """
INSERT INTO payment (provider, kind, transaction_id, intent, amount, currency, at, recorded_at,
                     actor, reference, note)
SELECT 'stripe', 'captured', 'T' || n, 'I' || n, 1, 'GBP', now(), now(), gen_random_uuid(), '', ''
FROM generate_series(1, %s) AS n
"""

PLANS = {
    "offers": (prices.OFFERS, ["product_pkey"]),
    "lock": (inventory.LOCK, ["stock_pkey"]),
    "move": (inventory.MOVE, ["stock_pkey"]),
    "move and hold": (inventory.MOVE_AND_HOLD, ["stock_pkey"]),
    "held orders": (writes.HELD_ORDERS, ["order_pkey", "order_line_once", "held_line_once"]),
    "change orders": (writes.CHANGE_ORDERS, ["held_line_once"]),
    "cart": (carts.LOCK, ["cart_pkey"]),
    "write a cart": (carts.WRITE, ["cart_pkey"]),
    "renew a cart": (carts.RENEW, ["cart_order_key"]),
    "lock unchanged carts": (carts.LOCK_UNCHANGED, ["cart_"]),
    "end carts": (carts.END, ["cart_pkey"]),
    "versions of carts": (carts.VERSIONS, ["cart_pkey"]),
    "events": (changes._EVENTS.page(10), ["order_event_feed", "order_pkey"]),
    "events of one": (changes._EVENTS_OF_ONE.page(10), ["order_feed", "order_event_history"]),
    "records": (payments.RECORDS, ["payment_of_order", "payment_of_intent"]),
}
"""Each statement with its indexes."""


def plan_of(statement: str) -> str:
    with transaction.atomic():
        database.execute("SET LOCAL enable_seqscan = off")
        plan = generic_plan(with_numbered_parameters(statement)[0].decode())
        transaction.set_rollback(True)
    return plan


@pytest.fixture
def rows(transactional_db: None) -> Iterator[None]:
    """Products, and payments without an order. The planner forgets them at the end, and what it
    knew of the other tables at the start."""
    tables = (
        *("catalog.product", "inventory.stock", "inventory.held_line", "orders.order_line"),
        *("orders.order", "orders.order_event", "orders.cart", "orders.payment"),
    )
    make_new(*tables)
    database.execute(PRODUCTS, [ROWS])
    database.execute(UNASSIGNED, [ROWS])
    analyze("product", "stock", "payment")
    yield
    make_new(*tables)


def test_statements_read_by_their_indexes(rows: None) -> None:
    plans = {name: plan_of(statement) for name, (statement, _) in PLANS.items()}
    assert [name for name, plan in plans.items() if "Seq Scan" in plan] == []
    unused = {
        name: [index for index in indexes if f" {index}" not in plans[name]]
        for name, (_, indexes) in PLANS.items()
    }
    assert {name: missing for name, missing in unused.items() if missing} == {}, plans
