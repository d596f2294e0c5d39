"""Positions in the primary's log and when they can be compared."""

from time import monotonic_ns

from django.db import connection

from larder.db import replicas
from larder.db.replicas import Position
from tests.db.feeds import transaction

HERE = Position(7, 2, 1_000)
HOUR = 3600 * 10**9


def test_a_position_covers_only_positions_of_the_same_log() -> None:
    assert HERE.covers(HERE)
    assert HERE.covers(Position(7, 2, 999))
    assert not HERE.covers(Position(7, 2, 1_001))
    assert not HERE.covers(Position(7, 1, 999))
    assert not HERE.covers(Position(7, 3, 999))
    assert not HERE.covers(Position(8, 2, 999))


def test_a_position_read_after_a_commit_covers_that_commit(transactional_db: None) -> None:
    before = replicas.present().position
    for _ in range(5):
        with transaction() as writer:
            writer.execute("SELECT pg_current_xact_id()")
        after = replicas.present().position
        assert after.covers(before)
        assert not before.covers(after)
        before = after


def test_a_thread_that_read_a_position_keeps_no_connection(transactional_db: None) -> None:
    replicas.present()
    assert connection.connection is None


def test_a_recent_position_is_read_again_after_a_while(transactional_db: None) -> None:
    began = monotonic_ns()
    first = replicas.present()
    assert began <= first.moment <= monotonic_ns()
    assert replicas.present(HOUR) is first
    assert replicas.present().moment > first.moment
