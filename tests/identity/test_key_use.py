"""The use of a key is recorded."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from larder.db import database
from larder.http import authentication
from larder.identity.caller import Caller
from larder.identity.models import Key
from larder.identity.sql import NOTE_USE
from tests.identity.made_keys import MakePerson, made


def used_at() -> datetime | None:
    """Returns the time of the last use of the only key."""
    return Key.objects.get().last_used_at


def test_the_use_of_a_key_is_recorded_once_in_ten_minutes(
    person: MakePerson, now: datetime, django_assert_num_queries: Any
) -> None:
    text = made(person(), now)
    assert used_at() is None
    with django_assert_num_queries(2):
        authentication.caller_of_key(text)
    first = used_at()
    assert first is not None
    assert abs(first - datetime.now(UTC)) < timedelta(minutes=1)
    with django_assert_num_queries(1):
        authentication.caller_of_key(text)
    assert used_at() == first
    earlier = first - timedelta(minutes=10)
    Key.objects.update(last_used_at=earlier + timedelta(seconds=30))
    authentication.caller_of_key(text)
    assert used_at() == earlier + timedelta(seconds=30)
    Key.objects.update(last_used_at=earlier)
    authentication.caller_of_key(text)
    noted = used_at()
    assert noted is not None
    assert noted >= first


def test_the_use_of_a_key_is_not_recorded_in_a_read_only_database(
    transactional_db: None, person: MakePerson, now: datetime
) -> None:
    text = made(person(), now)
    with transaction.atomic():
        database.execute("SET TRANSACTION READ ONLY")
        assert authentication.caller_of_key(text).key is not None
    assert used_at() is None


def test_a_key_whose_row_is_locked_is_used_without_a_wait(
    transactional_db: None, person: MakePerson, now: datetime
) -> None:
    text = made(person(), now)

    def use() -> Caller:
        try:
            return authentication.caller_of_key(text)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other, transaction.atomic():
        Key.objects.select_for_update().get()
        assert other.submit(use).result(timeout=4).key is not None
    assert used_at() is None
    assert use().key is not None
    assert used_at() is not None


def test_an_error_in_recording_the_use_of_a_key_fails_no_request(
    transactional_db: None, person: MakePerson, now: datetime
) -> None:
    text = made(person(), now)

    def fail(execute: Any, statement: str, *context: Any) -> Any:
        return execute("SELECT no_such_column" if statement == NOTE_USE else statement, *context)

    with connection.execute_wrapper(fail):
        assert authentication.caller_of_key(text).key is not None
    assert used_at() is None
