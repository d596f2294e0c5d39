"""How the tables are stored, so that the cost of an order does not grow with the shop."""

from collections.abc import Callable
from datetime import datetime

import pytest

from larder.db import database
from larder.orders.decision import RequestedLine
from larder.orders.services.batches import place_order
from larder.orders.services.placing.placement import Placement, Terms
from tests.conftest import Person

OPTIONS = "SELECT coalesce(reloptions, '{}') FROM pg_class WHERE oid = %s::regclass"

MARK = "SELECT xmax::text FROM stock WHERE product_id = %s"
MARK_OF_PRODUCT = "SELECT xmax::text FROM product WHERE id = %s"
"""Which transaction locked the row last."""


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["order_event", "order_line"])
def test_tables_that_rarely_change_are_frozen_in_parts_of_constant_size(table: str) -> None:
    ((options,),) = database.rows(OPTIONS, [table])
    assert set(options) == {
        "autovacuum_vacuum_insert_scale_factor=0",
        "autovacuum_vacuum_insert_threshold=100000",
        "autovacuum_freeze_min_age=0",
    }


@pytest.mark.django_db(transaction=True)
def test_an_order_writes_nothing_to_the_pages_of_its_products(
    person: Callable[..., Person], product: Callable[..., int], now: datetime
) -> None:
    """The check of a foreign key locks the referenced row, which marks the row."""
    who, jam = person(), product(stock=5)
    before, stock_before = database.rows(MARK_OF_PRODUCT, [jam]), database.rows(MARK, [jam])
    asked = Placement(customer=who.id, actor=who.customer.public_id, lines=[RequestedLine(jam, 3)])
    place_order(asked, terms=Terms(currency="GBP"), now=now)
    assert database.rows(MARK_OF_PRODUCT, [jam]) == before
    # The row of its stock is written anyway, and is what the line leads to.
    assert database.rows(MARK, [jam]) != stock_before


@pytest.mark.django_db
def test_every_foreign_key_is_validated() -> None:
    left = "SELECT conname FROM pg_constraint WHERE contype = 'f' AND NOT convalidated"
    assert database.rows(left) == []
