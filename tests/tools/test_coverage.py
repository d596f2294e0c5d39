"""`make coverage` also measures the processes of servers that tests start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from coverage import CoverageData

from tests.server import ROOT

pytestmark = pytest.mark.system

SERVE = """
from tests.server import Server
with Server(workers=1) as server:
    assert server.call("GET", "/livez").status == 200
"""
IN_THREADS_OF_OTHERS = sys.version_info >= (3, 12)
"""Before, Python tells nothing of threads that it did not start: granian answers in such."""


def lines_of(data: Path, module: str) -> set[int]:
    """Lines of a module of larder/ that any process ran."""
    found: set[int] = set()
    for file in data.parent.glob(f"{data.name}.*"):
        measured = CoverageData(str(file))
        measured.read()
        found |= set(measured.lines(str(ROOT / "larder" / module)) or ())
    return found


def test_the_code_that_server_processes_run_is_measured(tmp_path: Path) -> None:
    script, data = tmp_path / "serve.py", tmp_path / "data"
    script.write_text(SERVE)
    core = "sysmon" if IN_THREADS_OF_OTHERS else "ctrace"
    own = {"COVERAGE_FILE": str(data), "COVERAGE_CORE": core, "PYTHONPATH": str(ROOT)}
    # These tests may be measured themselves: this run is another.
    given = {name: one for name, one in os.environ.items() if name != "COVERAGE_PROCESS_CONFIG"}
    command = [sys.executable, "-m", "coverage", "run", str(script)]
    subprocess.run(command, cwd=ROOT, env=given | own, check=True, capture_output=True)
    assert lines_of(data, "v1/orders.py"), "what the worker imported"
    if IN_THREADS_OF_OTHERS:
        source = (ROOT / "larder/ops/health.py").read_text().splitlines()
        ran = {source[line - 1].strip() for line in lines_of(data, "ops/health.py")}
        assert 'return JsonResponse({"alive": True})' in ran, "what it answered with"
