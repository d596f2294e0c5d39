"""The read-your-writes table, which all processes of a server share."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Event, current_thread
from time import monotonic_ns

import pytest

from larder.http import read_your_writes
from larder.http.read_your_writes import SLOTS, WriteTimes
from tests.tiers import LONGEST

CALLER = SLOTS + 7
OTHER_PROCESS = """
import sys
from pathlib import Path
from larder.http.read_your_writes import WriteTimes
writes = WriteTimes(Path(sys.argv[1]))
for line in sys.stdin:
    writes.note(int(line))
    print(writes.last(int(line)), flush=True)
"""
Delay = Callable[[Event], None]


@pytest.fixture(params=[True, False], ids=["guarded", "control"])
def is_guarded(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """The control has no lock."""
    monkeypatch.setattr(read_your_writes, "LOCK_WAIT", LONGEST)
    if not request.param:
        monkeypatch.setattr(WriteTimes, "_alone", lambda *_: nullcontext())
    return bool(request.param)


@contextmanager
def delayed(monkeypatch: pytest.MonkeyPatch, longest: float) -> Iterator[tuple[Event, Event]]:
    """The first thread is delayed after it has read the clock, until the other one has noted its
    time, or cannot. Yields the events that it has read it, and that the other is done."""
    has_read, is_done, own = Event(), Event(), list[object]()

    def clock() -> int:
        time, first = monotonic_ns(), not own
        own.append(current_thread())
        if first:
            has_read.set()
            is_done.wait(longest)
        return time

    monkeypatch.setattr(read_your_writes, "monotonic_ns", clock)
    yield has_read, is_done


def test_the_later_time_of_two_threads_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_guarded: bool
) -> None:
    writes = WriteTimes(tmp_path / "writes")
    with (
        delayed(monkeypatch, 0.1 if is_guarded else 10) as (has_read, is_done),
        ThreadPoolExecutor(1) as beside,
    ):
        earlier = beside.submit(writes.note, CALLER)
        assert has_read.wait(LONGEST)
        after = monotonic_ns()
        writes.note(CALLER)
        is_done.set()
        earlier.result(LONGEST)
    assert (writes.last(CALLER) >= after) is is_guarded


@pytest.mark.system
def test_the_later_time_of_two_processes_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_guarded: bool
) -> None:
    file = tmp_path / "writes"
    writes = WriteTimes(file)
    command = [sys.executable, "-c", OTHER_PROCESS, str(file)]
    with (
        subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as other,
        ThreadPoolExecutor(1) as beside,
    ):
        assert other.stdin
        assert other.stdout
        other.stdin.write("1\n")
        other.stdin.flush()
        assert int(other.stdout.readline()) == writes.last(1)
        with delayed(monkeypatch, 0.1 if is_guarded else 10) as (has_read, is_done):
            earlier = beside.submit(writes.note, CALLER)
            assert has_read.wait(LONGEST)
            other.stdin.write(f"{CALLER}\n")
            other.stdin.flush()
            later = int(other.stdout.readline())
            is_done.set()
            earlier.result(LONGEST)
        other.stdin.close()
    assert (writes.last(CALLER) >= later) is is_guarded


def test_a_thread_waits_only_shortly_for_a_stopped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_your_writes, "LOCK_WAIT", 0.01)
    writes = WriteTimes(tmp_path / "writes")
    with writes._threads:
        writes.note(CALLER)
    assert writes.last(CALLER) > 0
