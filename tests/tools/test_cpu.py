"""`--cpu-budget` fails a run that takes more seconds of CPU, and names its tests.

The budget does not depend on the speed of the machine.
"""

import subprocess
import sys
from unittest.mock import Mock

import pytest

from tests import cpu
from tests.server import ROOT

TESTS = "tests/core/test_money.py"


@pytest.mark.parametrize("slowness", [0.5, 1, 3])
def test_a_slow_machine_takes_more_seconds_for_the_same_budget(slowness: float) -> None:
    loops = [slowness * cpu.REFERENCE * part for part in (0.9, 1.1)]
    assert cpu.on_reference_machine(400 * slowness, loops) == pytest.approx(400)


@pytest.mark.parametrize(("slowness", "status"), [(1, 1), (3, 0)])
def test_the_budget_is_that_of_the_reference_machine(
    slowness: float, status: int, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu, "_loops", [slowness * cpu.REFERENCE])
    # Far more than what this process has taken.
    monkeypatch.setattr(cpu, "_processes", [30_000.0])
    monkeypatch.setattr(pytestconfig.option, "cpu_budget", 20_000.0)
    written = Mock(_session=Mock(exitstatus=0))
    cpu.pytest_terminal_summary(written, pytestconfig)
    assert written._session.exitstatus == status


def test_a_run_without_a_test_has_no_loop() -> None:
    assert cpu.on_reference_machine(400, []) == 400


@pytest.mark.system
@pytest.mark.parametrize("processes", ["0", "2"])
@pytest.mark.parametrize("budget", ["0.01", "1000"])
def test_a_run_beyond_its_budget_fails_and_names_its_longest_tests(
    budget: str, processes: str
) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", processes]
    done = subprocess.run(
        [*command, TESTS, "--cpu-budget", budget],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    is_beyond = budget == "0.01"
    assert done.returncode == int(is_beyond), done.stdout
    assert ("More than the budget" in done.stdout) == is_beyond
    assert f" s {TESTS}::test_" in done.stdout
    assert "passed" in done.stdout
