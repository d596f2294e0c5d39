"""The mark by which a replica shows which timeline it follows."""

import pytest

from larder.db import database, observations, positions, sql, timelines
from tools.processes import wait_until

MARKS = "SELECT found ->> 'system', found ->> 'timeline', at FROM observation"
OTHER = "UPDATE observation SET found = jsonb_set(found, ARRAY[%s], '9')"


def marks() -> list[tuple[object, ...]]:
    return database.rows(MARKS)


def written() -> tuple[object, ...]:
    """Marks the present timeline; the row."""
    database.execute(sql.MARK_TIMELINE)
    (row,) = marks()
    return row


def test_the_mark_is_the_timeline_of_the_primary_and_no_measurement(db: None) -> None:
    here = positions.present().position
    assert written()[:2] == (str(here.system), str(here.timeline))
    assert observations.noted() == {}


def test_a_mark_that_is_right_is_not_written_again(db: None) -> None:
    first = written()
    assert written() == first
    for wrong in ("timeline", "system"):
        database.execute(OTHER, [wrong])
        assert marks() != [first]
        assert written()[:2] == first[:2]


def test_the_mark_of_another_cluster_is_ignored(db: None) -> None:
    """As in a database that was restored from a dump."""
    written()
    here = positions.present().position
    assert database.rows(sql.REPLAYED)[0][2] == here.timeline
    database.execute(OTHER, ["timeline"])
    assert database.rows(sql.REPLAYED)[0][2] == 9
    database.execute(OTHER, ["system"])
    assert database.rows(sql.REPLAYED)[0][2] == here.timeline


def test_each_timeline_is_marked_once_and_again_after_another_one(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timelines, "_marked", None)
    here = positions.present().position
    for position in (here, here._replace(timeline=9), here):
        timelines.mark(position)
        assert wait_until(lambda: len(marks()) == 1)
        database.execute("DELETE FROM observation")
        timelines.mark(position._replace(byte=position.byte + 1))
        assert marks() == []


def test_a_mark_that_cannot_be_written_is_tried_again(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timelines, "TRY_EVERY", 0.01)
    monkeypatch.setattr(timelines, "_marked", None)
    statement = sql.MARK_TIMELINE
    monkeypatch.setattr(sql, "MARK_TIMELINE", "SELECT 1 / 0")
    timelines.mark(positions.present().position)
    assert not wait_until(lambda: len(marks()) == 1, 0.1)
    monkeypatch.setattr(sql, "MARK_TIMELINE", statement)
    assert wait_until(lambda: len(marks()) == 1)
