"""Buckets of tries, in the database."""

from uuid import UUID, uuid4

import pytest

from larder.db import database
from larder.identity import rates
from larder.identity.rates import Bucket, Rate, RateLimited

STORE = rates.InDatabase()
HOUR = Rate(3, 3600)


@pytest.fixture(autouse=True)
def _database(db: None) -> None:
    """Every test here has one."""


def bucket(rate: Rate = HOUR, excuse: UUID | None = None) -> Bucket:
    return Bucket(uuid4(), rate, excuse)


def taken(*buckets: Bucket) -> int:
    """How many times all of them let a client through."""
    for number in range(100):
        try:
            STORE.take(buckets)
        except RateLimited:
            return number
    raise AssertionError("no limit")


def wait(*buckets: Bucket) -> float:
    with pytest.raises(RateLimited) as refused:
        STORE.take(buckets)
    return refused.value.wait


def pass_(seconds: float) -> None:
    """Time, for every bucket."""
    database.execute("UPDATE rate_limit SET until = until - make_interval(secs => %s)", [seconds])


@pytest.mark.parametrize("rate", [Rate(1, 60), HOUR, Rate(7, 600), Rate(60, 3600)])
def test_a_bucket_holds_exactly_its_tries(rate: Rate) -> None:
    assert taken(bucket(rate)) == rate.times


def test_a_refusal_says_when_the_next_try_is_possible() -> None:
    one = bucket()
    taken(one)
    assert 1190 < wait(one) <= 1200
    pass_(wait(one) + 0.1)
    assert taken(one) == 1
    pass_(3600)
    assert taken(one) == 3


def test_the_wait_is_for_the_bucket_that_is_empty() -> None:
    slow, quick = bucket(Rate(2, 7200)), bucket(Rate(2, 60))
    taken(quick)
    assert wait(slow, quick) <= 30


def test_refused_tries_do_not_count() -> None:
    one = bucket()
    taken(one)
    before = wait(one)
    for _ in range(20):
        wait(one)
    assert wait(one) <= before


def test_a_try_is_taken_from_every_bucket_or_from_none() -> None:
    narrow, broad = bucket(), bucket(Rate(50, 3600))
    taken(narrow)
    assert wait(broad, narrow) > 1000
    assert taken(broad) == 50


def test_a_try_that_is_given_back_is_there_again_and_no_more_than_that() -> None:
    one, untouched = bucket(), bucket()
    taken(one)
    STORE.settle([one, untouched])
    assert taken(one) == 1
    assert taken(untouched) == 3
    STORE.settle([one] * 1)
    pass_(7200)
    STORE.settle([one])
    assert taken(one) == 3


def test_a_marked_bucket_is_not_counted_while_the_mark_lasts() -> None:
    mark = uuid4()
    one = bucket(excuse=mark)
    assert taken(one) == 3
    STORE.settle([], mark)
    other = bucket()
    assert STORE.take([one, other]) == [other]
    pass_(rates.MARKS_LAST.total_seconds() + 1)
    assert taken(one) == 3


def test_a_mark_is_written_anew_once_a_day_at_most() -> None:
    mark = uuid4()

    def until() -> object:
        return database.rows("SELECT until FROM rate_limit WHERE key = %s", [mark])

    STORE.settle([], mark)
    first = until()
    STORE.settle([], mark)
    assert until() == first
    pass_(2 * 86_400)
    STORE.settle([], mark)
    assert until() > first  # type: ignore[operator]


def test_what_is_full_again_is_deleted_and_nothing_else() -> None:
    old, new = bucket(), bucket()
    taken(old)
    pass_(4000)
    taken(new)
    STORE.settle([], uuid4())
    assert rates.delete_idle(limit=10) == 1
    assert rates.delete_idle(limit=10) == 0
    assert taken(new) == 0


def test_the_table_is_unlogged_and_only_its_role_reads_it() -> None:
    (kind,) = database.rows(
        "SELECT relpersistence, has_table_privilege('larder_readonly', oid, 'SELECT')"
        " FROM pg_class WHERE oid = 'rate_limit'::regclass"
    )
    assert kind == ("u", False)
