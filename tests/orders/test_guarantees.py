"""Constraints of the database on orders."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction

from larder.db import database
from larder.orders.models import OrderLine
from tests.conftest import Api
from tests.v1.test_orders import place


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


def test_the_constraints_of_lines_are_validated(db: None) -> None:
    validated = "SELECT bool_and(convalidated) FROM pg_constraint WHERE conname LIKE 'order_line%%'"
    assert database.rows(validated) == [(True,)]
