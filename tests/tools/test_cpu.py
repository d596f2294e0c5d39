"""`--cpu-budget` fails a run that takes more seconds of CPU, and names its tests."""

import subprocess
import sys

import pytest

from tests.server import ROOT

pytestmark = pytest.mark.system
TESTS = "tests/core/test_money.py"


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
