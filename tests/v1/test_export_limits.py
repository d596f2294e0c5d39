"""How many exports run at once."""

import gc
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import cast

import pytest
from django.db import DatabaseError
from django.http import StreamingHttpResponse

from larder.http.long_files import EXPORTS_AT_ONCE
from larder.identity.models import AuditEntry
from larder.orders.queries import ORDERS_OF_A_PART
from tests.conftest import Person
from tests.v1.exporting import ask, orders_away


def ends(file: StreamingHttpResponse) -> None:
    assert b"".join(cast(Iterator[bytes], file)).count(b"\r\n") > 1


def is_closed(file: StreamingHttpResponse) -> None:
    next(iter(cast(Iterator[bytes], file)))
    file.close()


def is_closed_unread(file: StreamingHttpResponse) -> None:
    file.close()


def is_forgotten(file: StreamingHttpResponse) -> None:
    """A middleware fails after the view, and its traceback was read."""
    del file
    gc.collect()


def fails(file: StreamingHttpResponse) -> None:
    parts = iter(cast(Iterator[bytes], file))
    next(parts)
    with orders_away(), pytest.raises(DatabaseError):
        list(parts)


WAYS = [ends, is_closed, is_closed_unread, is_forgotten, fails]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
def test_the_number_of_concurrent_exports_is_limited(
    filled: Callable[[int], Person], way: Callable[[StreamingHttpResponse], None]
) -> None:
    accounts = [filled(2 * ORDERS_OF_A_PART) for _ in range(EXPORTS_AT_ONCE)]
    files = [ask(who) for who in accounts]
    assert [file.status_code for file in files] == [200] * EXPORTS_AT_ONCE
    other = filled(1)
    for who in (accounts[-1], other):
        is_refused(ask(who))
    way(files.pop())
    for who in (other, accounts[-1]):
        with closing(ask(who)) as file:
            assert file.status_code == 200
    for file in files:
        file.close()


@pytest.mark.django_db(transaction=True)
def test_exports_of_customers_leave_places_for_staff(
    filled: Callable[[int], Person], person: Callable[..., Person]
) -> None:
    with ExitStack() as files:
        for _ in range(EXPORTS_AT_ONCE):
            files.enter_context(closing(ask(filled(2 * ORDERS_OF_A_PART))))
        is_refused(ask(filled(1)))
        for _ in range(EXPORTS_AT_ONCE):
            file = files.enter_context(closing(ask(person(is_staff=True))))
            assert file.status_code == 200
        is_refused(ask(person(is_staff=True)))
    # A refused file is not recorded.
    assert AuditEntry.objects.filter(object="export:orders").count() == EXPORTS_AT_ONCE


def is_refused(answer: StreamingHttpResponse) -> None:
    assert (answer.status_code, json.loads(answer.getvalue())["code"]) == (503, "overloaded")
    assert int(answer.headers["Retry-After"]) in {1, 2, 3}


@pytest.mark.django_db(transaction=True)
def test_a_failed_export_does_not_count_for_the_limit(filled: Callable[[int], Person]) -> None:
    who = filled(1)
    with orders_away():
        for _ in range(2 * EXPORTS_AT_ONCE):
            assert ask(who).status_code == 500
    with closing(ask(who)) as file:
        assert file.status_code == 200
