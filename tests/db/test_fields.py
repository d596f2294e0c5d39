"""Columns that PostgreSQL fills."""

from collections.abc import Callable
from datetime import datetime

import pytest

from larder.db import database
from larder.orders.models import Order
from tests.conftest import Person


@pytest.fixture
def order(person: Callable[..., Person], now: datetime) -> Callable[..., Order]:
    """Creates orders without lines."""

    def make(**fields: object) -> Order:
        times = {"created_at": now, "updated_at": now, "placed_at": now}
        return Order.objects.create(
            customer=person().customer, status="placed", currency="GBP", total=0, **times, **fields
        )

    return make


def test_the_database_numbers_rows_and_the_object_knows_its_number(
    order: Callable[..., Order],
) -> None:
    first, second = order(), order()
    assert second.number == first.number + 1
    assert Order.objects.get(pk=second.pk).number == second.number


def test_a_given_number_is_stored(order: Callable[..., Order]) -> None:
    assert order(number=10**12).number == 10**12


def test_a_row_carries_the_id_of_the_transaction_that_wrote_it(
    order: Callable[..., Order], now: datetime
) -> None:
    row = order()
    fields = {"from_status": "", "to_status": "placed", "actor": row.customer.public_id}
    row.events.create(type="made", at=now, **fields)
    ((written, current),) = database.rows(
        "SELECT transaction_id::text, pg_current_xact_id()::text FROM order_event"
    )
    assert written == current
