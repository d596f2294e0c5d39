"""A pytest plugin: the seconds of CPU that a run takes, and the tests that take most of them.

`--cpu-budget SECONDS` fails a run that takes more, all its processes and PostgreSQL together. CPU,
because the seconds of a clock say what else the machine does.
"""

import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests import database

SHOWN = 10
_seconds: dict[str, float] = {}
"""CPU of each test, with its fixtures, in all threads of its process."""
_processes: list[float] = []
"""CPU of each process that has ended."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cpu-budget", type=float, help="seconds of CPU that the run may take")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Measures a test."""
    begin = time.process_time()
    try:
        return (yield)
    finally:
        _seconds[item.nodeid] = time.process_time() - begin


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hands over what a worker of pytest-xdist has measured."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["cpu"] = (_seconds, time.process_time())


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes over what a worker has measured."""
    seconds, process = getattr(node, "workeroutput", {}).get("cpu", ({}, 0.0))
    _seconds.update(seconds)
    _processes.append(process)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Writes the sum, and the tests that took most; fails a run that took too much."""
    budget = config.getoption("--cpu-budget")
    if budget is None:
        return
    tests = time.process_time() + sum(_processes)
    total = tests + database_seconds()
    terminalreporter.section(f"{total:.0f} s of CPU ({tests:.0f} s without PostgreSQL)")
    for name in sorted(_seconds, key=_seconds.__getitem__, reverse=True)[:SHOWN]:
        terminalreporter.line(f"{_seconds[name]:6.2f} s {name}")
    if total > budget:
        terminalreporter.line(
            f"More than the budget of {budget:.0f} s: shorten the tests above (CONTRIBUTING.md).",
            red=True,
        )
        terminalreporter._session.exitstatus = pytest.ExitCode.TESTS_FAILED


def database_seconds() -> float:
    """CPU of the run's PostgreSQL, and of its sessions that have ended."""
    ticks = 0
    for cluster in database.running():
        fields = Path(f"/proc/{cluster.pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")
