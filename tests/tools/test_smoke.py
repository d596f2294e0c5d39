"""tools/smoke.py: what it does, and what it says when something is wrong."""

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
def test_without_an_address_it_says_how_it_is_used(arguments: tuple[str, ...]) -> None:
    done = smoke(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("usage:")


def test_a_server_that_is_not_there_is_one_line(port: int) -> None:
    done = smoke(f"http://127.0.0.1:{port}")
    assert done.returncode == 1
    assert "Connection refused" in done.stderr
    assert done.stderr.count("\n") == 1
