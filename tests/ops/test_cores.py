"""Cores: as many processes as cores, one on each; any other number goes where there is room. And
who is woken on one interrupts nobody."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from unittest.mock import Mock

import pytest

from larder.ops import cores

CORES = sorted(os.sched_getaffinity(0))
PROGRAM = """
import os, sys, threading
from larder.ops import cores
stop = threading.Event()
threading.Thread(target=stop.wait).start()
core = cores.take_one(sys.argv[1], int(sys.argv[2]))
allowed = {tuple(os.sched_getaffinity(int(one))) for one in os.listdir("/proc/self/task")}
later = []
thread = threading.Thread(target=lambda: later.append(tuple(os.sched_getaffinity(0))))
thread.start()
thread.join()
print(core, sorted(allowed | set(later)), flush=True)
sys.stdin.read()
stop.set()
"""
WOKEN = """
import os, threading
from larder.ops import cores
stop = threading.Event()
threading.Thread(target=stop.wait).start()
cores.interrupt_nobody()
policies = [os.sched_getscheduler(int(one)) for one in os.listdir("/proc/self/task")]
thread = threading.Thread(target=lambda: policies.append(os.sched_getscheduler(0)))
thread.start()
thread.join()
stop.set()
print(policies == 3 * [os.SCHED_BATCH])
"""

several_cores = pytest.mark.skipif(len(CORES) < 2, reason="this machine has one core")


@contextmanager
def a_process(folder: Path, processes: int) -> Iterator[str]:
    """One of so many; gives what core it took, and where its threads may run."""
    command = [sys.executable, "-c", PROGRAM, str(folder), str(processes)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.communicate(timeout=30)


@several_cores
def test_each_process_has_a_core_with_all_its_threads_old_and_new(tmp_path: Path) -> None:
    with ExitStack() as running:
        said = [running.enter_context(a_process(tmp_path, len(CORES))) for _ in CORES]
    assert said == [f"{core} [({core},)]" for core in CORES]


@several_cores
def test_the_process_that_follows_one_that_died_has_its_core(tmp_path: Path) -> None:
    with a_process(tmp_path, len(CORES)) as first:
        pass
    with a_process(tmp_path, len(CORES)) as next_one:
        assert next_one == first


@several_cores
def test_who_starts_while_all_cores_are_somebodys_shares_none(tmp_path: Path) -> None:
    with ExitStack() as running:
        for _ in CORES:
            running.enter_context(a_process(tmp_path, len(CORES)))
        with a_process(tmp_path, len(CORES)) as said:
            assert said == f"None [{tuple(CORES)}]"


@several_cores
def test_a_core_that_cannot_be_kept_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[set[int]] = []

    def keep(_: int, wanted: set[int]) -> None:
        asked.append(wanted)
        if len(wanted) == 1:
            raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", keep)
    assert cores.take_one(str(tmp_path), len(CORES)) is None
    assert asked[0] == {CORES[0]}
    assert asked[-1] == set(CORES)


@pytest.mark.parametrize("processes", [1, len(CORES) + 1])
def test_another_number_of_processes_runs_where_there_is_room(
    processes: int, tmp_path: Path
) -> None:
    with a_process(tmp_path, processes) as said:
        assert said == f"None [{tuple(CORES)}]"
    assert not list(tmp_path.iterdir())


@several_cores
def test_a_folder_that_takes_no_locks_costs_the_core_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert cores.take_one(str(tmp_path / "gone"), len(CORES)) is None
    assert "has no core of its own" in caplog.text
    assert sorted(os.sched_getaffinity(0)) == CORES


def test_without_a_folder_or_on_another_system_nothing_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cores.take_one("", len(CORES)) is None
    monkeypatch.delattr(os, "sched_setaffinity")
    assert cores.take_one(str(tmp_path), len(CORES)) is None
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="this system has no such policy")
def test_threads_old_and_new_interrupt_nobody_when_they_are_woken() -> None:
    command = [sys.executable, "-c", WOKEN]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert (said.stdout, said.stderr) == ("True\n", "")


def test_where_the_system_refuses_that_policy_it_is_told_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    refuses = Mock(side_effect=PermissionError("not here"))
    monkeypatch.setattr(os, "SCHED_BATCH", 3, raising=False)
    monkeypatch.setattr(os, "sched_param", Mock(), raising=False)
    monkeypatch.setattr(os, "sched_setscheduler", refuses, raising=False)
    with caplog.at_level(logging.WARNING):
        cores.interrupt_nobody()
    refuses.assert_called_once()
    assert "interrupt others when woken: not here" in caplog.text


def test_where_there_is_no_such_policy_nothing_happens(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(os, "SCHED_BATCH", raising=False)
    cores.interrupt_nobody()
    assert cores.__name__ not in {one.name for one in caplog.records}


def test_threads_that_are_begun_meanwhile_are_not_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a thread whose turn has not come: they have what it has."""
    stop, asked = Event(), []
    late = Thread(target=stop.wait)

    def ask(thread: int, *_: object) -> None:
        asked.append(thread)
        if late.ident is None:
            late.start()

    monkeypatch.setattr(os, "SCHED_BATCH", 3, raising=False)
    monkeypatch.setattr(os, "sched_setscheduler", ask, raising=False)
    try:
        cores.interrupt_nobody()
        assert late.native_id in asked
    finally:
        stop.set()
