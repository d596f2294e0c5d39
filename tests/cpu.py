"""A pytest plugin: the seconds of CPU that a run takes, and the tests that take most of them.

`--cpu-budget SECONDS` fails a run that takes more, all its processes and PostgreSQL together. CPU,
because the seconds of a clock say what else the machine does. And seconds of a reference machine,
because the same tests took 405 s on one machine and 1,080 s on another: a fixed loop, run between
the tests, says how fast this machine is while they run.
"""

import os
import time
from collections.abc import Generator
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from tests import database
from tools.processes import postmaster

SHOWN = 10
REFERENCE = 0.007
"""Seconds of CPU that the loop takes on the reference machine. It was not measured there, but
derived: the tests took 405 s there and 1,295 s on a machine whose loop took 0.021 s."""
_LENGTH = 50_000
_BETWEEN = 50
"""Tests from one loop to the next."""
_loops: list[float] = []
"""Seconds of CPU that each loop took, in all processes."""
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
        if item.config.getoption("--cpu-budget") and len(_seconds) % _BETWEEN == 1:
            _loops.append(_loop())


def _loop() -> float:
    texts = _scattered()
    first = len(_loops) * _LENGTH % len(texts)
    begin = time.process_time()
    total = 0
    for text in texts[first : first + _LENGTH]:
        total += len(text)
    return time.process_time() - begin


@cache
def _scattered() -> list[str]:
    """Returns texts in an order that is not that of their addresses, more than a cache holds: like
    the tests, the loop waits for the memory."""
    return sorted(map(str, range(20 * _LENGTH)), key=hash)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hands over what a worker of pytest-xdist has measured."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["cpu"] = (_seconds, _loops, time.process_time())


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes over what a worker has measured."""
    seconds, loops, process = getattr(node, "workeroutput", {}).get("cpu", ({}, [], 0.0))
    _seconds.update(seconds)
    _loops.extend(loops)
    _processes.append(process)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Writes the sum, and the tests that took most; fails a run that took too much."""
    budget = config.getoption("--cpu-budget")
    if budget is None:
        return
    tests = time.process_time() + sum(_processes)
    total = tests + database_seconds()
    compared = on_reference_machine(total, _loops)
    terminalreporter.section(f"{compared:.0f} s of CPU on the reference machine")
    terminalreporter.line(
        f"{total:.0f} s on this machine, {tests:.0f} s of them without PostgreSQL; most of them in"
    )
    for name in sorted(_seconds, key=_seconds.__getitem__, reverse=True)[:SHOWN]:
        terminalreporter.line(f"{_seconds[name]:6.2f} s {name}")
    if compared > budget:
        terminalreporter.line(
            f"More than the budget of {budget:.0f} s: shorten the tests above (CONTRIBUTING.md).",
            red=True,
        )
        terminalreporter._session.exitstatus = pytest.ExitCode.TESTS_FAILED


def on_reference_machine(seconds: float, loops: list[float]) -> float:
    """Return what `seconds` of CPU on this machine are on the reference machine.

    `loops`: the seconds of each loop here. Without one, no test ran: `seconds` is returned.
    """
    return seconds * REFERENCE / fmean(loops) if loops else seconds


def database_seconds() -> float:
    """CPU of the run's PostgreSQL, and of its sessions that have ended."""
    ticks = 0
    for cluster in database.running():
        fields = Path(f"/proc/{postmaster(cluster)}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")
