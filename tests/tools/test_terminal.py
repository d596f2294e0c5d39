"""The output of long steps: regular lines, in colour on a terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools import bootstrap, terminal

CHECKOUT = Path(__file__).resolve().parents[2]
SCRIPT = "from tools.terminal import step\nwith step('Database prepared'): pass"


def printed_on_a_terminal(**variables: str) -> str:
    """Return what a step prints where standard output is a terminal."""
    ours, theirs = pty.openpty()
    try:
        command, environment = [sys.executable, "-c", SCRIPT], {"PATH": "/usr/bin", **variables}
        subprocess.run(command, cwd=CHECKOUT, env=environment, stdout=theirs, check=True)
        return os.read(ours, 4096).decode()
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.system
def test_a_step_is_in_colour_on_a_terminal_with_colours() -> None:
    assert printed_on_a_terminal().startswith("\033[32mDatabase prepared ")
    assert printed_on_a_terminal(NO_COLOR="1").startswith("Database prepared ")


def test_a_step_in_a_file_has_no_colour_and_prints_reminders(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(terminal, "REMINDER_SECONDS", 0.05)
    with terminal.step("Database prepared"):
        time.sleep(0.3)
    with terminal.step("Server ready", reminds=False):
        time.sleep(0.1)
    *reminders, done, ready = capsys.readouterr().out.splitlines()
    assert reminders
    assert all(re.fullmatch(r"  \d+ s, not yet: Database prepared", one) for one in reminders)
    assert re.fullmatch(r"Database prepared +\d+\.\d s", done)
    assert ready.startswith("Server ready ")


@pytest.mark.system
def test_an_installation_prints_its_progress(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(bootstrap, "REMINDER_SECONDS", 0.05)
    lock = os.open(tmp_path, os.O_RDONLY)
    sleep = [sys.executable, "-c", "import time; time.sleep(0.3)"]
    bootstrap.run(sleep, lock, "It failed.", lambda: bootstrap.progress(tmp_path, 60))
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all(re.fullmatch(r"  \d+ s: downloading", one) for one in lines)
    site = tmp_path / "lib" / "python3.13" / "site-packages"
    for number in range(30):
        (site / f"package{number}-1.0.dist-info").mkdir(parents=True)
    assert bootstrap.progress(tmp_path, 60) == "30 of 60 packages unpacked"
    with pytest.raises(SystemExit, match="It failed"):
        bootstrap.run([sys.executable, "-c", "raise SystemExit(1)"], lock, "It failed.")
    os.close(lock)
