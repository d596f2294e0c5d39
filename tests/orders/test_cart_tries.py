"""Another transaction ends the customer's cart all the time."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import psycopg
import pytest
from django.db import connection
from rest_framework.test import APIRequestFactory, force_authenticate

from larder.compat.contract4 import Current
from larder.orders.sql import carts
from tests.conftest import Person

END = """
UPDATE cart SET "order" = NULL, number = NULL, version = 0, lines = '[]', created_at = NULL,
    updated_at = NULL WHERE customer_id = %(customer)s"""
MOST_STATEMENTS = 400
"""Afterwards the other transactions stop, so that a loop without a limit ends too."""


@contextmanager
def rivals(customer: int) -> Iterator[None]:
    """The customer's cart is ended before each statement that reads it."""
    left = iter(range(MOST_STATEMENTS))

    def before(execute: Any, sql: Any, *others: Any) -> Any:
        if str(sql) == carts.READ and next(left, None) is not None:
            other.execute(END, {"customer": customer})
        return execute(sql, *others)

    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as other:
        other.execute("SET search_path = orders, public")
        with connection.execute_wrapper(before):
            yield


@pytest.mark.django_db(transaction=True)
def test_contract_4_reads_the_open_order_after_a_limited_number_of_tries(
    person: Callable[..., Person],
) -> None:
    who = person()
    request = APIRequestFactory().get("/orders/current/")
    force_authenticate(request, user=cast(Any, who.caller))
    with rivals(who.id):
        answer = Current.as_view()(request)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) in {1, 2, 3}
    assert Current.as_view()(request).status_code == 200
