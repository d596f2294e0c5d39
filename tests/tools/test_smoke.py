"""tools/smoke.py: its steps and its error messages."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.server import ROOT

pytestmark = pytest.mark.system


def smoke(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.smoke", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("arguments", [(), ("ftp://shop",), ("http://a", "http://b")])
def test_smoke_without_an_address_prints_its_usage(arguments: tuple[str, ...]) -> None:
    done = smoke(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("usage:")


def test_an_unreachable_server_is_reported_with_one_line(port: int) -> None:
    done = smoke(f"http://127.0.0.1:{port}")
    assert done.returncode == 1
    assert "Connection refused" in done.stderr
    assert done.stderr.count("\n") == 1
