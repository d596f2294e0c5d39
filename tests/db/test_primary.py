"""The clock of readers while the primary does not answer."""

from threading import Event

import pytest

from larder.core.stopwatch import nanoseconds
from larder.db import positions, primary
from larder.db.positions import Position, Sample


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> Event:
    """Set while the primary is silent."""
    silence = Event()
    monkeypatch.setattr(primary, "_silent", silence)
    return silence


def heard(monkeypatch: pytest.MonkeyPatch, *moments: int) -> None:
    samples = tuple(Sample(moment, Position(7, 2, 1_000)) for moment in moments)
    monkeypatch.setattr(positions, "_samples", samples)


def test_the_clock_stops_a_moment_before_the_last_answer(
    monkeypatch: pytest.MonkeyPatch, silence: Event
) -> None:
    last = nanoseconds() - primary.LONGEST_STOP // 2
    heard(monkeypatch, last)
    assert primary.stopped_clock() is None
    silence.set()
    assert primary.stopped_clock() == last - primary.LACKED_AT_MOST


def test_the_clock_stops_for_half_a_minute_at_most(
    monkeypatch: pytest.MonkeyPatch, silence: Event
) -> None:
    silence.set()
    heard(monkeypatch, nanoseconds() - primary.LONGEST_STOP)
    assert primary.stopped_clock() is None
    assert primary.LONGEST_STOP == 30 * 10**9


def test_without_any_answer_there_is_no_moment_at_which_the_clock_stops(
    monkeypatch: pytest.MonkeyPatch, silence: Event
) -> None:
    silence.set()
    heard(monkeypatch)
    monkeypatch.setattr(primary, "LONGEST_STOP", 2 * nanoseconds())
    assert primary.stopped_clock() is None


def test_no_reader_asks_a_silent_primary(monkeypatch: pytest.MonkeyPatch, silence: Event) -> None:
    """The tests have a database here only if they say so: a question would fail."""
    silence.set()
    heard(monkeypatch, 100)
    assert primary.knows_position_after(99)
    assert not primary.knows_position_after(100)


def test_a_silent_primary_is_refused_at_once(silence: Event) -> None:
    primary.require_answers()
    silence.set()
    with pytest.raises(primary.PrimarySilent):
        primary.require_answers()
