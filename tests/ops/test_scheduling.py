"""Worker processes are pinned if they are as many as the cores, and run under the batch policy."""

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

from larder.ops.serving import scheduling
from tests.tiers import LONGEST

pytestmark = pytest.mark.system

CORES = sorted(os.sched_getaffinity(0))
PROGRAM = """
import os, sys, threading
from larder.ops.serving import scheduling
stop = threading.Event()
threading.Thread(target=stop.wait).start()
core = scheduling.pin_to_core(sys.argv[1], int(sys.argv[2]))
allowed = {tuple(os.sched_getaffinity(int(one))) for one in os.listdir("/proc/self/task")}
later = []
thread = threading.Thread(target=lambda: later.append(tuple(os.sched_getaffinity(0))))
thread.start()
thread.join()
print(core, sorted(allowed | set(later)), flush=True)
sys.stdin.read()
stop.set()
"""
BATCH = """
import os, threading
from larder.ops.serving import scheduling
stop = threading.Event()
threading.Thread(target=stop.wait).start()
scheduling.use_batch_policy()
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
    """Starts one of so many processes; gives its core and the cores of its threads."""
    command = [sys.executable, "-c", PROGRAM, str(folder), str(processes)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.communicate(timeout=LONGEST)


@several_cores
def test_each_process_is_pinned_with_present_and_later_threads(tmp_path: Path) -> None:
    with ExitStack() as running:
        said = [running.enter_context(a_process(tmp_path, len(CORES))) for _ in CORES]
    assert said == [f"{core} [({core},)]" for core in CORES]


@several_cores
def test_a_restarted_process_gets_the_free_core(tmp_path: Path) -> None:
    with a_process(tmp_path, len(CORES)) as first:
        pass
    with a_process(tmp_path, len(CORES)) as next_one:
        assert next_one == first


@several_cores
def test_a_process_without_a_free_core_is_not_pinned(tmp_path: Path) -> None:
    with ExitStack() as running:
        for _ in CORES:
            running.enter_context(a_process(tmp_path, len(CORES)))
        with a_process(tmp_path, len(CORES)) as said:
            assert said == f"None [{tuple(CORES)}]"


@several_cores
def test_a_process_that_cannot_be_pinned_may_use_all_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[set[int]] = []

    def keep(_: int, wanted: set[int]) -> None:
        asked.append(wanted)
        if len(wanted) == 1:
            raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", keep)
    assert scheduling.pin_to_core(str(tmp_path), len(CORES)) is None
    assert asked[0] == {CORES[0]}
    assert asked[-1] == set(CORES)


@pytest.mark.parametrize("processes", [1, len(CORES) + 1])
def test_any_other_number_of_processes_is_not_pinned(processes: int, tmp_path: Path) -> None:
    with a_process(tmp_path, processes) as said:
        assert said == f"None [{tuple(CORES)}]"
    assert not list(tmp_path.iterdir())


@several_cores
def test_a_process_without_a_lock_file_is_not_pinned_and_logs_the_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert scheduling.pin_to_core(str(tmp_path / "gone"), len(CORES)) is None
    assert "is not pinned to a core" in caplog.text
    assert "or set PIN_WORKERS=false" in caplog.text
    assert sorted(os.sched_getaffinity(0)) == CORES


def test_no_process_is_pinned_without_a_folder_or_on_another_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert scheduling.pin_to_core("", len(CORES)) is None
    monkeypatch.delattr(os, "sched_setaffinity")
    assert scheduling.pin_to_core(str(tmp_path), len(CORES)) is None
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="this system has no such policy")
def test_all_threads_run_under_the_batch_policy() -> None:
    command = [sys.executable, "-c", BATCH]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=LONGEST)
    assert (said.stdout, said.stderr) == ("True\n", "")


def test_a_refused_policy_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    refuses = Mock(side_effect=PermissionError("not here"))
    monkeypatch.setattr(os, "SCHED_BATCH", 3, raising=False)
    monkeypatch.setattr(os, "sched_param", Mock(), raising=False)
    monkeypatch.setattr(os, "sched_setscheduler", refuses, raising=False)
    with caplog.at_level(logging.WARNING):
        scheduling.use_batch_policy()
    refuses.assert_called_once()
    assert "has no batch scheduling policy: not here" in caplog.text


def test_a_system_without_the_policy_logs_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(os, "SCHED_BATCH", raising=False)
    scheduling.use_batch_policy()
    assert scheduling.__name__ not in {one.name for one in caplog.records}


def test_threads_that_start_during_pinning_are_included(monkeypatch: pytest.MonkeyPatch) -> None:
    stop, asked = Event(), []
    late = Thread(target=stop.wait)

    def ask(thread: int, *_: object) -> None:
        asked.append(thread)
        if late.ident is None:
            late.start()

    monkeypatch.setattr(os, "SCHED_BATCH", 3, raising=False)
    monkeypatch.setattr(os, "sched_setscheduler", ask, raising=False)
    try:
        scheduling.use_batch_policy()
        assert late.native_id in asked
    finally:
        stop.set()
