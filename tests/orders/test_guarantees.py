"""Constraints of the database on orders."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction

from larder.db import database
from larder.orders.models import PAYMENT_SUMS, OrderLine
from tests.conftest import Api
from tests.v1.placing import place


@pytest.fixture
def line(customer: Api, product: Callable[..., int]) -> int:
    """A line of two units."""
    place(customer, (product(), 2))
    return OrderLine.objects.get().pk


@pytest.mark.parametrize("units", [3, 500, -1])
def test_the_database_refuses_more_returned_units_than_a_line_has(line: int, units: int) -> None:
    with pytest.raises(IntegrityError, match="order_line_"), transaction.atomic():
        database.execute("UPDATE order_line SET returned = %s WHERE id = %s", [units, line])
    database.execute("UPDATE order_line SET returned = 2 WHERE id = %s", [line])


def test_a_line_cannot_have_fewer_units_than_were_returned(line: int) -> None:
    database.execute("UPDATE order_line SET returned = 2 WHERE id = %s", [line])
    with pytest.raises(IntegrityError, match="order_line_returned"), transaction.atomic():
        database.execute("UPDATE order_line SET quantity = 1 WHERE id = %s", [line])


@pytest.mark.parametrize("column", PAYMENT_SUMS)
@pytest.mark.parametrize("value", [None, -1])
def test_sums_of_payments_are_all_set_or_none(line: int, column: str, value: int | None) -> None:
    values = ", ".join(f"{name} = 0" for name in PAYMENT_SUMS)
    database.execute(f'UPDATE "order" SET {values}')
    with pytest.raises(IntegrityError, match="order_payment_sums"), transaction.atomic():
        database.execute(f'UPDATE "order" SET {column} = %s', [value])


def test_constraints_that_were_added_later_are_validated(db: None) -> None:
    unchecked = """SELECT conname FROM pg_constraint
        JOIN pg_namespace ON pg_namespace.oid = connamespace
        WHERE NOT convalidated AND nspname NOT IN ('pg_catalog', 'information_schema')"""
    assert database.rows(unchecked) == []
