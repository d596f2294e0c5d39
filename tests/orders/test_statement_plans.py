"""Statements of frequent writes use the indexes that their docstrings name, for any parameters."""

from collections.abc import Iterator
from itertools import count

import pytest
from django.db import transaction

from larder.catalog import sql as catalog
from larder.db import database
from larder.inventory import sql as inventory
from larder.orders.sql import payments
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
                     actor)
SELECT 'stripe', 'captured', 'T' || n, 'I' || n, 1, 'GBP', now(), now(), gen_random_uuid()
FROM generate_series(1, %s) AS n
"""

PLANS = {
    "offers": (catalog.OFFERS, ["product_pkey"]),
    "lock": (inventory.LOCK, ["stock_pkey"]),
    "move": (inventory.MOVE, ["stock_pkey"]),
    "move and hold": (inventory.MOVE_AND_HOLD, ["stock_pkey"]),
    "end holds": (inventory.END_HOLDS, ["held_line_once"]),
    "records": (payments.RECORDS, ["payment_of_order", "payment_of_intent"]),
}
"""Each statement with its indexes."""


def prepared(statement: str) -> str:
    """The statement as a server prepares it."""
    number = count(1)
    *parts, last = statement.split("%s")
    return "".join(f"{part}${next(number)}" for part in parts) + last


def plan_of(statement: str) -> str:
    with transaction.atomic():
        database.execute("SET LOCAL enable_seqscan = off")
        plan = generic_plan(prepared(statement))
        transaction.set_rollback(True)
    return plan


@pytest.fixture
def rows(transactional_db: None) -> Iterator[None]:
    """Products, and payments without an order. The planner forgets them at the end."""
    tables = ("catalog.product", "inventory.stock", "inventory.held_line", "orders.payment")
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
