"""Turns among processes: one after the other, and nobody is held up by one that died or stopped."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic, sleep

import pytest

from larder.common import turnstile
from larder.common.turnstile import AFTER_IN_VAIN, PATIENCE, Turns, Turnstile

LONG = 20.0
"""A bound on what should take milliseconds, for a machine that does a lot besides."""


@pytest.fixture
def other(tmp_path: Path) -> Turnstile:
    """Another process's: locks on a file are among openings of it, not among processes."""
    return Turnstile(tmp_path, "placing")


@pytest.fixture
def own(tmp_path: Path) -> Turnstile:
    return Turnstile(tmp_path, "placing")


def taken(folder: Path) -> bool:
    """Whether the turn is somebody's, as anybody sees it."""
    with (folder / "placing.0.turn").open() as door:
        try:
            fcntl.flock(door, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


@contextmanager
def a_process_with_the_turn(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """One that takes the turn and keeps it."""
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from larder.common.turnstile import Turnstile\n"
        f"with Turnstile(Path({str(folder)!r}), 'placing').turn(wait=False):\n"
        "    print('mine', flush=True)\n"
        "    time.sleep(60)\n"
    )
    started = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    with started as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "mine\n"
            yield process
        finally:
            process.kill()


def test_a_turn_that_is_free_is_had_at_once_by_who_waits_and_by_who_does_not(
    own: Turnstile, tmp_path: Path
) -> None:
    for wait in (True, False):
        with own.turn(wait=wait):
            assert taken(tmp_path)
        assert not taken(tmp_path)


def test_who_does_not_wait_goes_on_beside_another_and_leaves_them_their_turn(
    own: Turnstile, other: Turnstile, tmp_path: Path
) -> None:
    with other.turn(wait=False):
        with own.turn(wait=False):
            pass
        assert taken(tmp_path)
        assert not own._ringing.poll(0), "a bell, though nobody gave a turn back"


def test_who_waits_begins_when_the_other_is_done(
    own: Turnstile, other: Turnstile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turnstile, "PATIENCE", LONG)
    seen: list[str] = []
    begun = Event()

    def wait() -> None:
        begun.set()
        with own.turn(wait=True):
            seen.append("second")

    with ThreadPoolExecutor() as pool:
        with other.turn(wait=False):
            waiting = pool.submit(wait)
            assert begun.wait(LONG)
            sleep(0.05)
            seen.append("first")
        waiting.result(LONG)
    assert seen == ["first", "second"]


def test_the_bell_ends_a_wait_long_before_it_would_be_looked_again(
    own: Turnstile, other: Turnstile, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RETRY", "PATIENCE"):
        monkeypatch.setattr(turnstile, name, 10 * LONG)
    waited: list[float] = []

    def wait() -> None:
        began = monotonic()
        with own.turn(wait=True):
            waited.append(monotonic() - began)

    with ThreadPoolExecutor() as pool:
        with other.turn(wait=False):
            waiting = pool.submit(wait)
            sleep(0.05)
        waiting.result(LONG)
    assert waited[0] < LONG


def test_a_turn_that_is_given_back_early_is_given_back_once(
    own: Turnstile, other: Turnstile, tmp_path: Path
) -> None:
    with own.turn(wait=True):
        own.give_back()
        assert not taken(tmp_path)
        with other.turn(wait=False):
            own.give_back()
            assert taken(tmp_path)


def test_two_processes_share_turns_and_the_next_two_have_theirs(tmp_path: Path) -> None:
    """Of many processes half are at work at any time, not one."""
    four = [Turnstile(tmp_path, "placing") for _ in range(4)]
    with four[0].turn(wait=False), four[2].turn(wait=False):
        assert [one._has_turn for one in four] == [True, False, True, False]
        for shut_out in (four[1], four[3]):
            with shut_out.turn(wait=False):
                assert not shut_out._has_turn


def test_a_process_that_is_started_anew_has_the_seat_of_the_one_that_died(tmp_path: Path) -> None:
    with a_process_with_the_turn(tmp_path):
        beside_it = Turnstile(tmp_path, "placing")
    in_its_place = Turnstile(tmp_path, "placing")
    with beside_it.turn(wait=False), in_its_place.turn(wait=False):
        assert not in_its_place._has_turn


def test_a_turn_comes_back_from_a_block_that_raises(own: Turnstile, tmp_path: Path) -> None:
    with pytest.raises(LookupError), own.turn(wait=True):
        raise LookupError
    assert not taken(tmp_path)


def test_a_process_that_is_killed_gives_its_turn_back(
    tmp_path: Path, own: Turnstile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turnstile, "PATIENCE", LONG)
    with a_process_with_the_turn(tmp_path) as process:
        assert taken(tmp_path)
        process.send_signal(signal.SIGKILL)
        began = monotonic()
        with own.turn(wait=True):
            assert taken(tmp_path)
        assert monotonic() - began < LONG


def test_nobody_waits_for_long_or_again_for_a_process_that_stands_still(
    tmp_path: Path, own: Turnstile, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    quieten = own._quieten

    def counted() -> None:
        looked.append(1)
        quieten()

    monkeypatch.setattr(own, "_quieten", counted)
    with a_process_with_the_turn(tmp_path) as process:
        process.send_signal(signal.SIGSTOP)
        with own.turn(wait=True):
            pass
        first = len(looked)
        assert 0 < first <= PATIENCE / turnstile.RETRY + 2
        with own.turn(wait=True):
            pass
        assert len(looked) == first, f"waited again within {AFTER_IN_VAIN} seconds"
        monkeypatch.setattr(turnstile, "AFTER_IN_VAIN", 0.0)
        with own.turn(wait=True):
            pass
        assert len(looked) > first


def test_rings_that_nobody_waited_for_never_fill_the_pipe(own: Turnstile) -> None:
    while True:
        try:
            os.write(own._bell, b"!" * 4096)
        except BlockingIOError:
            break
    with own.turn(wait=True):
        assert own._has_turn
    assert not own._has_turn


def test_a_folder_whose_files_take_no_locks_is_told_of_and_not_looked_through_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    turnstile.share(str(tmp_path), "placing")
    assert type(turnstile.of_this_process()) is Turns
    assert "No locks available" in caplog.text
    assert len(list(tmp_path.glob("*.seat"))) == 1


def test_processes_take_turns_where_they_share_a_folder_that_takes_a_pipe(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def made(folder: str) -> Turns:
        turnstile.share(folder, "placing")
        return turnstile.of_this_process()

    try:
        assert isinstance(made(str(tmp_path)), Turnstile)
        assert not caplog.messages
        assert type(made(str(tmp_path / "not there"))) is Turns
        assert "do not take turns" in caplog.text
    finally:
        assert type(made("")) is Turns


@pytest.mark.parametrize("fails", [fcntl.LOCK_EX | fcntl.LOCK_NB, fcntl.LOCK_UN])
def test_where_locks_end_to_work_there_are_no_turns_and_nothing_fails(
    fails: int,
    own: Turnstile,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The folder's file system went away."""
    real = fcntl.flock

    def flock(file: int, what: int) -> None:
        if what == fails:
            raise OSError(errno.ENOLCK, "No locks available")
        real(file, what)

    monkeypatch.setattr(fcntl, "flock", flock)
    done = []
    for _ in range(3):
        with own.turn(wait=True):
            done.append(own._has_turn)
            own.give_back()
    assert done == [fails == fcntl.LOCK_UN, False, False]
    assert len(caplog.records) == 1
    assert "takes no turns any more" in caplog.text
