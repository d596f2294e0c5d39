"""Frequent statements are planned once for each connection, however large the tables are, because
planning them takes longer than running them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pytest
from django.db import connection

from larder.core.ids import SYSTEM_ACTOR
from larder.db import database
from larder.identity import queries as identity
from larder.inventory import queries as inventory
from larder.inventory.changes import product_changes
from larder.orders.decision import RequestedLine
from larder.orders.services.placing.placement import Placement, Terms
from tests.conftest import Person
from tests.database import analyze
from tests.orders import holding
from tests.orders.placing import place_orders

MANY = 20_000
"""Products and customers: with these, and without what keeps the plans, each is made anew."""

PART = 2_000

TIMES = 16
"""PostgreSQL plans a prepared statement five times before it thinks of keeping a plan."""

PRODUCTS = """
INSERT INTO product (public_id, sku, name, description, price, unit, barcode, image_url,
                     min_quantity, step, created_at, updated_at, version)
SELECT gen_random_uuid(), 'P' || n, 'P' || n, '', 1, '', '', '', 1, 1, now(), now(), 1
FROM generate_series(%s::int, %s::int) AS n RETURNING id
"""
CUSTOMERS = """
INSERT INTO customer (public_id, username, password, email, first_name, last_name, is_active,
                      is_staff, is_superuser, may_order, version)
SELECT gen_random_uuid(), 'C' || n, '!', '', '', '', true, false, false, true, 1
FROM generate_series(%s::int, %s::int) AS n RETURNING id
"""
PLANNED = """
SELECT statement FROM pg_prepared_statements
WHERE generic_plans + custom_plans > 8 AND custom_plans > 5
"""


@dataclass(frozen=True)
class Shop:
    """A shop with many products and customers; the first of each."""

    product: int
    customer: int


@pytest.fixture
def shop(transactional_db: None) -> Shop:
    first = min(added(PRODUCTS))
    database.execute("UPDATE stock SET available = 1000 WHERE product_id < %s", [first + 10])
    customer = min(added(CUSTOMERS))
    analyze("product", "stock", "customer")
    # What was prepared was planned for empty tables.
    connection.close()
    return Shop(first, customer)


def added(statement: str) -> list[int]:
    """Adds rows in parts, each within the time limit of a statement; returns their ids."""
    parts = [(first, first + PART - 1) for first in range(1, MANY, PART)]
    return [row[0] for part in parts for row in database.rows(statement, part)]


def planned_each_time(ask: Callable[[], object]) -> list[str]:
    """Returns the statements of `ask` that PostgreSQL plans at each execution."""
    for _ in range(TIMES):
        ask()
    return [row[0] for row in database.rows(PLANNED)]


def test_frequent_statements_keep_their_plans(
    shop: Shop, person: Callable[..., Person], now: datetime
) -> None:
    staff, customer = person(is_staff=True, role="owner"), person()
    mark = product_changes(shop.customer, None, limit=500).mark
    lines = [RequestedLine(shop.product + place, 1) for place in range(3)]
    asked = Placement(customer=shop.customer, actor=SYSTEM_ACTOR, lines=lines)

    def place() -> None:
        (answer,) = place_orders([asked], terms=Terms(currency="GBP"), now=now)
        assert not isinstance(answer, Exception)

    assert planned_each_time(place) == []
    assert planned_each_time(lambda: confirm(staff, customer, shop)) == []
    assert planned_each_time(lambda: list(identity.submit_standing({shop.customer})())) == []
    assert planned_each_time(lambda: inventory.products(shop.customer, limit=21)) == []
    assert planned_each_time(lambda: inventory.product(shop.customer, shop.product)) == []
    assert planned_each_time(lambda: product_changes(shop.customer, mark, limit=500)) == []


def confirm(staff: Person, customer: Person, shop: Shop) -> None:
    """Confirms a new order with a hold."""
    held = holding.hold(customer, *[(shop.product + place, 1) for place in range(3)])
    holding.confirm(staff, held.id)
