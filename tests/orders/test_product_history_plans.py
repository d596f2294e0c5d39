"""Staff filter orders by product and by customer or reference.

The plan uses the index that reads fewer orders, and never reads all orders.
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from larder.core.ids import SYSTEM_ACTOR
from larder.db import database
from larder.db.postgresql.connection import Parameters
from larder.orders import queries
from larder.orders.queries import OrderFilter
from larder.orders.sql import writes
from tests.conftest import Person
from tests.database import analyze

ORDERS = 20_000
FEW = 2_000
"""Pages of tables and indexes. A plan that reads all orders, or all of the product's, reads
one for each, at least."""

FILL = """
WITH placed AS (
    INSERT INTO "order" (id, customer_id, status, currency, total, note, reference, created_at,
                         placed_at, updated_at, version)
    SELECT gen_random_uuid(), CASE WHEN n %% 200 = 0 THEN %s::bigint ELSE %s::bigint END,
           (ARRAY['placed', 'packed', 'shipped'])[1 + n %% 3], 'GBP', 0, '',
           CASE WHEN n %% 2 = 0 THEN 'PO ' || n ELSE '' END, at, at, at, 1
    FROM (SELECT n, %s::timestamptz - make_interval(mins => n) AS at
          FROM generate_series(1, %s) AS n) AS shop
    RETURNING id, placed_at
)
INSERT INTO order_line (placed_at, order_id, product_id, sku, name, unit_price, quantity)
SELECT placed_at, id, %s, 'S', 'N', 1, 1 FROM placed
"""

RARELY, OFTEN, OF_IT = "rarely", "often", "product"
"""Stand for the customer of a hundred orders, that of all others, and what both order."""

ASKED: list[dict[str, Any]] = [
    {"customer": RARELY},
    {"customer": OFTEN},
    {"customer": RARELY, "statuses": ("placed", "packed")},
    {"customer": OFTEN, "statuses": ("placed", "packed")},
    {"customer": None, "statuses": ("placed", "packed")},
    {"customer": None, "reference": "PO 600"},
    {"customer": RARELY, "reference": "PO 600"},
    {"customer": OFTEN, "reference": "PO 602"},
]


@pytest.fixture
def shop(person: Callable[..., Person], product: Callable[..., int], now: datetime) -> Any:
    rarely, often, sold = person().id, person().id, product()
    database.execute(FILL, [rarely, often, now, ORDERS, sold])
    analyze("order", "order_line")
    return {RARELY: rarely, OFTEN: often, OF_IT: sold}


def pages_read(statement: str, parameters: Parameters = ()) -> int:
    """Pages that the statement looks at."""
    explain = f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {statement}"
    ((text,),) = database.rows(explain, parameters)
    plan = (json.loads(text) if isinstance(text, str) else text)[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def test_no_page_of_a_product_reads_the_orders_of_all_customers(
    shop: dict[str, int], now: datetime, django_assert_max_num_queries: Any
) -> None:
    for asked in ASKED:
        terms = asked | {"customer": shop.get(asked["customer"]), "product": shop[OF_IT]}
        for since in (None, now - timedelta(days=10)):
            chosen = OrderFilter(**terms, placed_after=since)
            with django_assert_max_num_queries(2) as seen:
                assert queries.history(chosen, limit=21).rows
            assert pages_read(seen.captured_queries[0]["sql"]) < FEW, asked


def test_unpaid_units_are_summed_without_the_orders_of_all_customers(
    shop: dict[str, int], now: datetime
) -> None:
    since, customers = now - timedelta(days=1), [shop[RARELY]]
    parameters = {"since": since, "without": SYSTEM_ACTOR, "customers": customers}
    assert pages_read(writes.UNPAID_UNITS, parameters) < 100
