"""Statements without a cursor: which are prepared, and the state after a failure."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import psycopg
import pytest
from django.db import (
    Error,
    OperationalError,
    ProgrammingError,
    connection,
    connections,
    transaction,
)
from django.db.utils import ConnectionHandler
from psycopg import errors, generators

from larder.db import database
from larder.db.postgresql.connection import MAX_PREPARED
from larder.identity.models import Customer

pytestmark = pytest.mark.django_db(transaction=True)

PREPARED = "SELECT statement FROM pg_prepared_statements WHERE name LIKE 'larder%%'"
MAKE = "CREATE TEMPORARY TABLE pipelined (n int)"
TELL = "INSERT INTO pipelined VALUES (%s)"


@pytest.fixture(autouse=True)
def own_session() -> Any:
    """A connection without prepared statements; closed after the test."""
    connection.close()
    yield
    connection.close()


def test_a_statement_is_prepared_once() -> None:
    for n in range(3):
        assert database.rows("SELECT %s::int + 40", [n]) == [(n + 40,)]
    assert database.rows(PREPARED).count(("SELECT $1::int + 40",)) == 1


def test_a_connection_prepares_a_limited_number_of_statements() -> None:
    for n in range(MAX_PREPARED + 20):
        assert database.rows(f"SELECT {n}") == [(n,)]
        assert database.rows("SELECT 'often'") == [("often",)]
    assert len(database.rows(PREPARED)) == MAX_PREPARED
    assert database.rows("SELECT 0") == [(0,)]


def fail() -> None:
    with transaction.atomic():
        database.rows("SELECT 'before'")
        raise LookupError


def fail_within() -> None:
    with transaction.atomic():
        try:
            fail()
        finally:
            database.rows("SELECT 'before'")


@pytest.mark.parametrize("rolled_back", [fail, fail_within])
def test_statements_that_psycopg_deallocates_are_prepared_again(
    rolled_back: Callable[[], None],
) -> None:
    for _ in range(5):
        Customer.objects.filter(username="nobody").exists()
    database.rows("SELECT 'before'")
    with pytest.raises(LookupError):
        rolled_back()
    assert database.rows("SELECT 'before'") == [("before",)]


def test_a_connection_that_the_pool_rolls_back_prepares_its_statements_again() -> None:
    settings = connections.settings["default"]
    pool = {"min_size": 1, "max_size": 1, "timeout": 10}
    options = settings["OPTIONS"] | {"pool": pool}
    other: Any = ConnectionHandler({"default": settings | {"OPTIONS": options}})["default"]
    try:
        for _ in range(3):
            assert other.submit("SELECT 'before'", [])() == [("before",)]
            # psycopg deallocates only if it has prepared something itself.
            for _ in range(3):
                with other.cursor() as cursor:
                    cursor.execute("SELECT 1")
            other.set_autocommit(False)
            other.submit("SELECT 'within'", [])()
            other.close()
            other.set_autocommit(True)
    finally:
        other.close()
        other.close_pool()


def test_a_statement_with_an_error_fails_the_same_way_again() -> None:
    for _ in range(2):
        with pytest.raises(ProgrammingError, match="no_such_column"):
            database.rows("SELECT no_such_column")


@pytest.mark.parametrize(("within", "written"), [(nullcontext, 0), (transaction.atomic, 1)])
def test_a_failed_pipeline_sends_no_further_statement(
    within: Callable[[], AbstractContextManager[None]], written: int
) -> None:
    def tell_and_fail() -> None:
        with database.pipeline():
            with within():
                database.execute(TELL, [1])
            raise LookupError

    database.execute(MAKE)
    with pytest.raises(LookupError):
        tell_and_fail()
    assert database.rows("SELECT count(*) FROM pipelined") == [(written,)]


def test_cursor_statements_run_after_the_pending_pipeline() -> None:
    database.execute(MAKE)
    with transaction.atomic(), database.pipeline():
        database.execute(TELL, [1])
        with connection.cursor() as cursor:
            cursor.execute("SELECT n FROM pipelined")
            assert cursor.fetchall() == [(1,)]


def test_a_statement_after_a_failed_one_has_no_rows() -> None:
    with transaction.atomic(), database.pipeline():
        failing, after = database.submit("SELECT 1 / 0"), database.submit("SELECT 1")
        with pytest.raises(Error, match="division by zero"):
            failing()
        with pytest.raises(OperationalError, match="before it failed"):
            after()
        transaction.set_rollback(True)
    assert database.rows("SELECT 1") == [(1,)]


def test_the_error_of_an_ended_connection_has_its_cause() -> None:
    def end() -> None:
        with transaction.atomic(), database.pipeline():
            database.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            database.rows("SELECT 1")

    with pytest.raises(OperationalError) as ended:
        end()
    assert isinstance(ended.value.__cause__, errors.AdminShutdown)
    assert not database.was_rolled_back(ended.value)
    connection.close()
    assert database.rows("SELECT 1") == [(1,)]


def test_an_interrupted_thread_closes_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the results of the old statement would be read for the next one."""

    def interrupted(libpq: Any) -> Any:
        yield from fetch(libpq)
        raise KeyboardInterrupt

    fetch = generators.fetch_many
    raw = connected()
    monkeypatch.setattr(generators, "fetch_many", interrupted)
    with pytest.raises(KeyboardInterrupt):
        database.rows("SELECT 1")
    assert raw.closed


def test_two_results_for_a_statement_mean_a_lost_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As PgBouncer 1.18 does when its server is killed: its result is unknown."""
    fetch = generators.fetch_many

    def answered_twice(libpq: Any) -> Any:
        results = yield from fetch(libpq)
        return results * 2

    raw = connected()
    monkeypatch.setattr(generators, "fetch_many", answered_twice)
    with pytest.raises(OperationalError, match="ended the session") as lost:
        database.rows("SELECT 1")
    assert raw.closed
    assert not database.was_rolled_back(lost.value)


def connected() -> psycopg.Connection[Any]:
    connection.ensure_connection()
    raw: psycopg.Connection[Any] = connection.connection
    return raw
