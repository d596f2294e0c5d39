"""Parsing of import times and memory."""

import signal
import subprocess
import sys
import time

import pytest

from benchmarks import footprint, processes
from tools.errors import LauncherError
from tools.processes import send

IMPORT_TIMES = """\
import time: self [us] | cumulative | imported package
import time:       214 |        214 |   config.settings
import time:      1200 |    1345678 | config.wsgi
import time:        10 |         10 | config.wsgiref
"""
SERVER = """
import subprocess, sys, time
hold = "import time; held = bytearray(32 << 20); time.sleep(60)"
main = ("import subprocess, sys, time;"
        f"[subprocess.Popen([sys.executable, '-c', {hold!r}]) for _ in range(2)]; time.sleep(60)")
subprocess.Popen([sys.executable, "-c", main])
time.sleep(60)
"""


def test_the_time_of_an_import_includes_its_imports() -> None:
    assert footprint.imported_in(IMPORT_TIMES, "config.wsgi") == pytest.approx(1.345678)


def test_an_import_missing_in_the_output_of_python_is_an_error() -> None:
    with pytest.raises(LauncherError, match=r"config\.urls"):
        footprint.imported_in(IMPORT_TIMES, "config.urls")


def test_the_output_of_python_about_imports_is_parsed() -> None:
    command = [sys.executable, "-X", "importtime", "-c", "import json.tool"]
    answers = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert 0 < footprint.imported_in(answers, "json.tool") < 10


def test_the_server_processes_are_found_below_keeper_and_main_process() -> None:
    keeper = subprocess.Popen([sys.executable, "-c", SERVER])
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            sizes = [processes.resident(pid) for pid in footprint.workers(keeper.pid)]
            if len(sizes) == 2 and min(sizes) > 32 << 20:
                break
            time.sleep(0.05)
        assert len(sizes) == 2
        assert min(sizes) > 32 << 20
        assert max(sizes) < 64 << 20
    finally:
        for pid in processes.tree(keeper.pid):
            send(pid, signal.SIGKILL)
        keeper.wait()
