"""Pipelined statements return the same results as single ones."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import psycopg
import pytest
from django.db import DataError, IntegrityError, OperationalError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from larder.db import database
from larder.inventory import queries as inventory
from tests.db.round_trips import round_trips

pytestmark = pytest.mark.django_db(transaction=True)


@given(st.permutations(range(5)))
def assert_read_in_any_order(order: list[int]) -> None:
    with transaction.atomic(), database.pipeline():
        readings = [database.submit("SELECT %s::int, %s::int[]", [n, [n] * n]) for n in range(5)]
        read = {n: readings[n]() for n in order}
    assert read == {n: [(n, [n] * n)] for n in range(5)}


def test_answers_can_be_read_in_any_order() -> None:
    assert_read_in_any_order()


def test_a_statement_sees_the_changes_of_earlier_statements() -> None:
    with transaction.atomic(), database.pipeline():
        database.execute("CREATE TEMPORARY TABLE pipelined (n int) ON COMMIT DROP")
        database.execute("INSERT INTO pipelined SELECT * FROM unnest(%s::int[])", [[1, 2]])
        many = database.submit("SELECT count(*) FROM pipelined")
        database.execute("DELETE FROM pipelined WHERE n = 2")
        assert (many(), database.rows("SELECT count(*) FROM pipelined")) == ([(2,)], [(1,)])


def test_a_pipeline_waits_only_where_results_are_read() -> None:
    def trips(act: Callable[[], object]) -> int:
        with transaction.atomic():
            for _ in range(5):
                act()  # until everything is prepared
            with round_trips(connection) as seen:
                act()
        return seen.count

    def together() -> None:
        with database.pipeline():
            readings = [database.submit("SELECT 1") for _ in range(5)]
            assert [reading() for reading in readings] == [[(1,)]] * 5

    assert trips(lambda: [database.rows("SELECT 1") for _ in range(5)]) == 5
    assert trips(together) == 1


Statement = tuple[str, list[int]]
TAKE = "UPDATE stock SET available = available - %s WHERE product_id = %s"
DIVIDE = "SELECT 1 / %s::int"


def run(*unread: Statement, read: Statement | None = None) -> None:
    """Runs the statements in one transaction."""
    with transaction.atomic(), database.pipeline():
        for sql, parameters in unread:
            database.execute(sql, parameters)
        if read is not None:
            database.rows(*read)


def test_an_error_that_is_not_read_is_raised_at_the_end_and_rolls_back(
    product: Callable[..., int],
) -> None:
    jam = product(stock=5)
    with pytest.raises(IntegrityError):
        run((TAKE, [1, jam]), (TAKE, [6, jam]))
    assert inventory.available([jam]) == {jam: 5}


def test_the_first_failure_is_raised() -> None:
    with pytest.raises(DataError, match="division by zero"):
        run((DIVIDE, [0]), read=("SELECT no_such_column", []))


def test_a_connection_can_be_used_after_a_failed_pipeline() -> None:
    with pytest.raises(DataError, match="division by zero"):
        run(read=(DIVIDE, [0]))
    assert database.rows("SELECT 1") == [(1,)]
    run((DIVIDE, [1]), read=(DIVIDE, [1]))


def test_statements_are_counted_in_a_pipeline_too(
    django_assert_num_queries: Callable[[int], AbstractContextManager[object]],
) -> None:
    with transaction.atomic(), django_assert_num_queries(3), database.pipeline():
        database.execute("SELECT 1")
        first, second = database.submit("SELECT 1"), database.submit("SELECT 2")
        assert (second(), first()) == ([(2,)], [(1,)])


def test_two_results_for_a_commit_mean_a_lost_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As PgBouncer 1.18 does when its server is killed: the result of the commit is unknown."""

    def answered_twice(_: object) -> None:
        raise psycopg.InternalError("received 2 results from command 'COMMIT'")

    connection.ensure_connection()
    raw = connection.connection
    monkeypatch.setattr(psycopg.Connection, "commit", answered_twice)
    with pytest.raises(OperationalError) as lost, transaction.atomic():
        database.execute("SELECT 1")
    assert raw.closed
    assert not database.was_rolled_back(lost.value)
