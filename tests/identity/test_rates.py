"""Buckets of attempts, in the database."""

from uuid import uuid4

import pytest

from larder.db import database
from larder.identity.services import attempts
from larder.identity.services.attempts import Bucket, Rate, RateLimited

HOUR = Rate(3, 3600)


@pytest.fixture(autouse=True)
def _database(db: None) -> None:
    """A bucket for the test."""


def bucket(rate: Rate = HOUR) -> Bucket:
    return Bucket(uuid4(), rate)


def taken(*buckets: Bucket) -> int:
    """Returns how often all buckets accept an attempt."""
    for number in range(100):
        try:
            attempts.take(buckets)
        except RateLimited:
            return number
    raise AssertionError("no limit")


def wait(*buckets: Bucket) -> float:
    with pytest.raises(RateLimited) as refused:
        attempts.take(buckets)
    return refused.value.wait


def pass_(seconds: float) -> None:
    """Lets time pass for every bucket."""
    database.execute("UPDATE rate_limit SET until = until - make_interval(secs => %s)", [seconds])


@pytest.mark.parametrize("rate", [Rate(1, 60), HOUR, Rate(7, 600), Rate(60, 3600)])
def test_a_bucket_allows_exactly_its_attempts(rate: Rate) -> None:
    assert taken(bucket(rate)) == rate.times


def test_a_refusal_reports_when_the_next_attempt_is_possible() -> None:
    key = bucket()
    taken(key)
    assert 1190 < wait(key) <= 1200
    pass_(wait(key) + 0.1)
    assert taken(key) == 1
    pass_(3600)
    assert taken(key) == 3


def test_the_wait_is_for_the_bucket_that_is_empty() -> None:
    slow, quick = bucket(Rate(2, 7200)), bucket(Rate(2, 60))
    taken(quick)
    assert wait(slow, quick) <= 30


def test_refused_attempts_do_not_count() -> None:
    key = bucket()
    taken(key)
    before = wait(key)
    for _ in range(20):
        wait(key)
    assert wait(key) <= before


def test_an_attempt_is_taken_from_all_buckets_or_from_none() -> None:
    narrow, broad = bucket(), bucket(Rate(50, 3600))
    taken(narrow)
    assert wait(broad, narrow) > 1000
    assert taken(broad) == 50


def test_a_returned_attempt_can_be_used_once_more() -> None:
    key, untouched = bucket(), bucket()
    taken(key)
    attempts.give_back([key, untouched])
    assert taken(key) == 1
    assert taken(untouched) == 3
    attempts.give_back([key])
    pass_(7200)
    attempts.give_back([key])
    assert taken(key) == 3


def test_only_full_buckets_are_deleted() -> None:
    old, new = bucket(), bucket()
    taken(old)
    pass_(4000)
    taken(new)
    assert attempts.delete_idle(limit=10) == 1
    assert attempts.delete_idle(limit=10) == 0
    assert taken(new) == 0


def test_the_table_of_rate_limits_is_unlogged_and_hidden_from_the_read_only_role() -> None:
    (kind,) = database.rows(
        "SELECT relpersistence, has_table_privilege('larder_readonly', oid, 'SELECT')"
        " FROM pg_class WHERE oid = 'rate_limit'::regclass"
    )
    assert kind == ("u", False)
