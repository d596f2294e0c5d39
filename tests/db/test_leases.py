"""Leases: one block of a name at a time, with a pause after it."""

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from django.db import connections

from larder.core.errors import Overloaded
from larder.db import database, leases, sql
from larder.ops.roles import TRANSACTION_LIMIT
from tests.tiers import LONGEST

pytestmark = pytest.mark.django_db(transaction=True)
NAME, OTHER = UUID(int=91), UUID(int=92)


@pytest.fixture(autouse=True)
def free(transactional_db: None) -> None:
    database.execute("DELETE FROM rate_limit")


def begins() -> bool:
    """Whether a block of another thread begins."""
    try:
        with leases.lease(NAME):
            return True
    except Overloaded:
        return False
    finally:
        connections.close_all()


def test_a_lease_allows_one_block_of_a_name_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "LONGEST_WAIT", 0.1)
    with ThreadPoolExecutor(1) as pool, leases.lease(NAME):
        assert pool.submit(begins).result(LONGEST) is False
        with leases.lease(OTHER):
            pass


@pytest.mark.parametrize("fails", [False, True])
def test_a_lease_is_not_given_again_for_the_duration_of_the_last_block(fails: bool) -> None:
    try:
        with leases.lease(NAME):
            time.sleep(1)
            if fails:
                raise LookupError
    except LookupError:
        assert fails
    ended = time.monotonic()
    assert begins()
    assert time.monotonic() - ended >= 1


def test_the_pause_after_a_long_block_is_shorter_than_a_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert leases.LONGEST_PAUSE < leases.LONGEST_WAIT
    monkeypatch.setattr(leases, "LONGEST_PAUSE", 0.5)
    monkeypatch.setattr(leases, "LONGEST_WAIT", 2.5)
    with leases.lease(NAME):
        time.sleep(3)
    assert begins()


def test_a_block_that_lost_its_lease_does_not_end_that_of_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leases, "LONGEST_WAIT", 2.0)
    with monkeypatch.context() as short:
        short.setattr(leases, "ENDS", 0.1)
        block = leases.lease(NAME)
        block.__enter__()
    time.sleep(0.2)
    assert database.rows(sql.TAKE_LEASE, [NAME, 60.0])
    block.__exit__(None, None, None)
    assert not begins()


def test_a_lease_lasts_longer_than_a_transaction() -> None:
    assert f"{leases.ENDS - 5:.0f}s" == TRANSACTION_LIMIT["transaction_timeout"]


def test_a_lease_of_a_dead_process_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    assert database.rows(sql.TAKE_LEASE, [NAME, 0.5])
    assert begins()


def test_an_error_at_the_end_of_a_lease_does_not_fail_its_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leases, "LONGEST_WAIT", 0.1)
    monkeypatch.setattr(sql, "END_LEASE", "SELECT %s::float8 / 0, %s::uuid, %s::timestamptz")
    with leases.lease(NAME):
        pass
    assert not begins()
