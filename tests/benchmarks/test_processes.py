"""CPU time and memory of process trees."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from benchmarks import processes
from tools.processes import send

BURN = "import time\nwhile time.process_time() < 0.3: pass"
FAMILY = f"""
import signal
import subprocess, sys, time
subprocess.run([sys.executable, "-c", {BURN!r}])
alive = subprocess.Popen([sys.executable, "-c", {BURN + chr(10) + "time.sleep(60)"!r}])
time.sleep(60)
"""
HOLD = "import time; held = bytearray(64 << 20); del held; print(flush=True); time.sleep(60)"


@pytest.fixture
def start() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that are ended after the test."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        for pid in processes.tree(process.pid):
            send(pid, signal.SIGKILL)
        process.wait()


def test_the_time_of_a_process_tree_includes_ended_descendants(
    start: list[subprocess.Popen[bytes]],
) -> None:
    parent = subprocess.Popen([sys.executable, "-c", FAMILY])
    start.append(parent)
    deadline = time.monotonic() + 60
    # Each burns 0.3 s; what /proc tells is cut to hundredths, for user and system apart.
    while processes.cpu_seconds(parent.pid) < 0.55 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes.cpu_seconds(parent.pid) >= 0.55
    assert len(processes.tree(parent.pid)) == 2


def test_an_ended_process_has_no_tree() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert processes.tree(gone.pid) == {}
    assert processes.cpu_seconds(gone.pid) == 0


def test_peak_memory_includes_released_memory(start: list[subprocess.Popen[bytes]]) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE)
    start.append(process)
    assert process.stdout is not None
    with process.stdout as stream:
        stream.readline()
        assert processes.peak_memory(process.pid) > 64 << 20


def test_the_machine_is_at_least_as_busy_as_each_of_its_processes() -> None:
    before, own = processes.machine_busy_seconds(), time.process_time()
    while time.process_time() - own < 0.3:
        pass
    assert processes.machine_busy_seconds() - before >= 0.25
