"""The first requests of a server may all come at once: no two of them make one struct ready."""

import signal
import subprocess
import sys

import pytest

from tests.server import ROOT

pytestmark = [pytest.mark.system, pytest.mark.django_db]


def decode_first(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the program; it ends within seconds."""
    return subprocess.run(
        [sys.executable, "-m", "tests.ops.first_decoding", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_threads_that_decode_a_struct_first_do_not_meet() -> None:
    done = decode_first()
    assert done.returncode == 0, done.stderr


def test_unprepared_they_do() -> None:
    """msgspec 0.22.0; once this fails, msgspec does it right, and `prepare_decoding` can go."""
    assert -signal.SIGSEGV in {decode_first("unprepared").returncode for _ in range(5)}
