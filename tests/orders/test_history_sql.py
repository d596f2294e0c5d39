"""The history returns the same orders as the ORM."""

from collections.abc import Callable
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

import pytest
from django.db.models import Q

from larder.core.ids import new_id
from larder.db import database
from larder.orders import queries
from larder.orders.models import Order, OrderLine
from larder.orders.queries import HistoryPosition, OrderFilter
from tests.conftest import Person

START = datetime.fromisoformat("2026-03-01T12:00:00Z")
HERS, OF_JAM = 1, 2
"""Stand for the customer and the product there are."""

WHOSE: list[dict[str, Any]] = [{"customer": None}, {"customer": HERS}]
WHICH: list[dict[str, Any]] = [
    {},
    {"statuses": ("packed",)},
    {"statuses": ("placed", "packed")},
    {"reference": "PO 1"},
    {"product": OF_JAM},
    {"product": OF_JAM, "statuses": ("placed", "packed"), "reference": "PO 1"},
    {"placed_after": START + timedelta(minutes=7)},
    {"placed_before": START + timedelta(minutes=30), "statuses": ("placed", "packed")},
    {"placed_after": START + timedelta(minutes=7), "product": OF_JAM},
    {"statuses": ("returned", "cancelled")},
]

FILL = """
INSERT INTO "order" (id, customer_id, status, currency, total, note, reference, ship_to,
                     requested_for, created_at, placed_at, updated_at, version)
SELECT gen_random_uuid(), (%s::bigint[])[1 + n %% 2],
       (ARRAY['placed', 'packed', 'shipped'])[1 + n %% 3], 'GBP', n, 'n' || n,
       CASE WHEN n %% 5 = 0 THEN 'PO 1' ELSE '' END,
       CASE WHEN n %% 4 = 0 THEN '{"city": "Łódź"}'::jsonb END,
       CASE WHEN n %% 7 = 0 THEN date '2026-04-01' END, at, at, at, n
FROM (SELECT n, %s::timestamptz + make_interval(mins => n / 3) AS at
      FROM generate_series(1, 120) AS n) AS shop
"""
LINES = """
INSERT INTO order_line (placed_at, order_id, product_id, sku, name, unit_price, quantity,
                        tax_rate)
SELECT placed_at, id, sold, 'S', 'N', 1.5, version, NULLIF(version %% 20, 0)
FROM "order", unnest(%s::bigint[]) AS sold WHERE version %% 2 = sold %% 2 OR version %% 3 = 0
"""

LINE = ("id", "product", "sku", "name", "quantity", "unit_price", "returned", "tax_rate")


@pytest.fixture(autouse=True)
def there(person: Callable[..., Person], product: Callable[..., int], db: None) -> dict[int, int]:
    """A shop with three orders of the same time."""
    people, sold = [person().id, person().id], [product(), product()]
    database.execute(FILL, [people, START])
    database.execute(LINES, [sold])
    return {HERS: people[0], OF_JAM: sold[0]}


def found_by_orm(chosen: OrderFilter, after: HistoryPosition | None) -> list[Order]:
    """Returns the orders that the filter selects, compared in Python."""
    terms = {
        "customer_id": chosen.customer,
        "status__in": chosen.statuses or None,
        "placed_at__gt": chosen.placed_after,
        "placed_at__lt": chosen.placed_before,
        "reference": chosen.reference,
        "lines__product_id": chosen.product,
    }
    orders = Order.objects.filter(
        **{name: term for name, term in terms.items() if term is not None}
    )
    if after is not None:
        same = Q(placed_at=after.placed_at, id__lt=after.id)
        orders = orders.filter(Q(placed_at__lt=after.placed_at) | same)
    return list(orders.order_by("-placed_at", "-id"))


@pytest.mark.parametrize("which", WHICH, ids=str)
@pytest.mark.parametrize("whose", WHOSE, ids=["all customers'", "a customer's"])
def test_an_order_page_has_the_rows_that_the_orm_finds(
    whose: dict[str, Any], which: dict[str, Any], there: dict[int, int]
) -> None:
    terms = whose | which
    stand_ins = {name: there[value] for name, value in terms.items() if value in (HERS, OF_JAM)}
    chosen = OrderFilter(**terms | stand_ins)
    all_of_them = found_by_orm(chosen, None)
    middle = all_of_them[len(all_of_them) // 2 :][:1]
    for place in (None, *(HistoryPosition(last.placed_at or START, last.id) for last in middle)):
        expected = found_by_orm(chosen, place)
        orders = queries.history(chosen, after=place, limit=9).rows
        assert [order.id for order in orders] == [order.id for order in expected[:9]]
    assert queries.count(chosen) == len(all_of_them)


def test_a_placed_order_is_read_as_the_orm_reads_it(there: dict[int, int]) -> None:
    rows = {order.id: order for order in Order.objects.all()}
    orders = queries.orders(list(Order.objects.values_list("id", flat=True)))
    assert orders.keys() == rows.keys()
    for id, view in orders.items():
        row = rows[id]
        assert (view.number, view.customer) == (row.number, row.customer_id)
        assert (view.currency, view.total, view.note) == (row.currency, row.total, row.note)
        assert (view.reference, view.ship_to) == (row.reference, row.ship_to)
        assert (view.requested_for, view.placed_at) == (row.requested_for, row.placed_at)
        assert (view.created_at, view.updated_at) == (row.created_at, row.updated_at)
        assert (view.version, view.status) == (row.version, row.status)
        lines = OrderLine.objects.filter(order_id=id).order_by("id")
        columns = ("id", "product_id", *LINE[2:])
        shown = [attrgetter(*LINE)(line) for line in view.lines]
        assert shown == list(lines.values_list(*columns))
    assert queries.orders([new_id()]) == {}
