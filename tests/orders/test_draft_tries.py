"""Other transactions create and end the customer's drafts all the time."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import psycopg
import pytest
from django.db import connection
from rest_framework.test import APIRequestFactory, force_authenticate

from larder.compat.contract4.orders import Current
from larder.core.errors import Overloaded
from larder.orders.services.drafts import add_unit, remove_unit
from tests.conftest import NOW, Person

END = """DELETE FROM "order" WHERE customer_id = %(customer)s AND status = 'draft'"""
MAKE = """
INSERT INTO "order" (id, customer_id, status, currency, total, note, reference, created_at,
                     updated_at, version)
VALUES (gen_random_uuid(), %(customer)s, 'draft', 'GBP', 0, '', '', now(), now(), 1)
ON CONFLICT DO NOTHING
"""
MOST_STATEMENTS = 400
"""Afterwards the other transactions stop, so that a loop without a limit ends too."""


@contextmanager
def rivals(customer: int, end: str, make: str | None) -> Iterator[None]:
    """The customer's draft is ended before each statement of the table of orders that has
    the text `end`, and one is made before each that has `make`."""
    left = iter(range(MOST_STATEMENTS))

    def before(execute: Any, sql: Any, *others: Any) -> Any:
        of_orders = '"order"' in str(sql) and next(left, None) is not None
        for text, statement in ((end, END), (make, MAKE)):
            if of_orders and text and text in str(sql):
                other.execute(statement, {"customer": customer})
        return execute(sql, *others)

    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as other:
        other.execute("SET search_path = orders, public")
        with connection.execute_wrapper(before):
            yield


def add(customer: Person, product: int) -> None:
    add_unit(customer.id, product, currency="GBP", now=NOW)


def remove(customer: Person, product: int) -> None:
    remove_unit(customer.id, product, now=NOW)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("change", "end", "make"), [(add, "FOR UPDATE", "INSERT"), (remove, "FOR UPDATE", 'AS "a"')]
)
def test_a_draft_is_locked_after_a_limited_number_of_tries(
    change: Callable[[Person, int], None],
    end: str,
    make: str,
    person: Callable[..., Person],
    product: Callable[..., int],
) -> None:
    jam, one = product(), person()
    with rivals(one.id, end, make), pytest.raises(Overloaded):
        change(one, jam)
    add(one, jam)


@pytest.mark.django_db(transaction=True)
def test_contract_4_reads_the_open_order_after_a_limited_number_of_tries(
    person: Callable[..., Person],
) -> None:
    one = person()
    request = APIRequestFactory().get("/orders/current/")
    force_authenticate(request, user=cast(Any, one.caller))
    with rivals(one.id, "SELECT", None):
        answer = Current.as_view()(request)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert Current.as_view()(request).status_code == 200
