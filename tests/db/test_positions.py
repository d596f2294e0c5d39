"""Positions in the primary's log and when they can be compared."""

import pytest

from larder.core.stopwatch import nanoseconds
from larder.db import positions
from larder.db.positions import Position
from larder.db.replicas import FreshnessRequirement
from tests.db.feeds import transaction

HERE = Position(7, 2, 1_000)


def test_a_position_covers_only_positions_of_the_same_log() -> None:
    assert HERE.covers(HERE)
    assert HERE.covers(Position(7, 2, 999))
    assert not HERE.covers(Position(7, 2, 1_001))
    assert not HERE.covers(Position(7, 1, 999))
    assert not HERE.covers(Position(7, 3, 999))
    assert not HERE.covers(Position(8, 2, 999))


def test_a_later_timeline_includes_what_the_primary_has_of_former_ones() -> None:
    assert HERE.includes(HERE)
    assert HERE.includes(Position(7, 1, 1_001))
    assert not HERE.includes(Position(7, 2, 1_001))
    assert not HERE.includes(Position(7, 3, 999))
    assert not HERE.includes(Position(8, 1, 999))


def test_a_requirement_of_a_former_timeline_needs_a_server_that_was_current() -> None:
    required = FreshnessRequirement(100, Position(7, 1, 1_001))
    assert required.satisfied_by(101, HERE)
    assert not required.satisfied_by(100, HERE)


def test_a_freshness_requirement_needs_the_time_and_the_position() -> None:
    required = FreshnessRequirement(100, HERE)
    assert required.satisfied_by(101, HERE)
    assert not required.satisfied_by(100, HERE)
    assert not required.satisfied_by(101, Position(7, 2, 999))
    assert not required.satisfied_by(101, None)
    assert FreshnessRequirement(100).satisfied_by(101, None)


def test_a_freshness_requirement_needs_the_own_writes() -> None:
    required = FreshnessRequirement(100, HERE, written_at=200)
    assert not required.satisfied_by(200, HERE)
    assert required.satisfied_by(201, HERE)
    assert required.after == 200


def test_a_position_read_after_a_commit_covers_that_commit(transactional_db: None) -> None:
    before = positions.present().position
    for _ in range(5):
        with transaction() as writer:
            writer.execute("SELECT pg_current_xact_id()")
        after = positions.present().position
        assert after.covers(before)
        assert not before.covers(after)
        before = after


def test_a_replica_at_a_position_has_all_commits_before_it_was_read(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(positions, "_samples", ())
    assert positions.current_at(HERE) == positions.last_sampled() == 0
    began = nanoseconds()
    asked = positions.present()
    assert began <= asked.moment <= nanoseconds()
    replayed = asked.position
    assert positions.current_at(replayed) == positions.last_sampled() == asked.moment
    assert positions.current_at(replayed._replace(byte=replayed.byte - 1)) == 0
    assert positions.current_at(replayed._replace(timeline=9)) == 0


def test_stored_positions_are_bounded_and_cover_an_eighth_of_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(positions, "_samples", ())
    for number in range(10_000):
        positions._keep(positions.Sample(number * 100_000, HERE._replace(byte=number)))
    kept = positions._samples
    assert len(kept) == positions.SAMPLES
    assert kept[-1].position.byte == 9_999
    assert kept[-1].moment - kept[0].moment > 120_000_000
