"""Makes, proves and restores a backup by the documented make targets."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from tools.attack.target import Target, require

ITEM = 8
TITLE = "Backups by make"
PROMISE = "The make target backup writes the named file; restore replaces nothing without CONFIRM."
NEEDS = ("make",)


def attack(target: Target, *, full: bool) -> str:
    """Return which targets worked. The full run also proves and restores. Raises Broken."""
    with tempfile.TemporaryDirectory(dir=target.folder) as folder:
        file = Path(folder, "named.dump")
        _make(target, "backup", f"FILE={file}")
        require(file.exists(), "make backup FILE=… wrote no such file")
        # Without CONFIRM nothing is replaced; the refusal names it.
        refused = _run(target, "restore", f"FILE={file}").stderr
        require("CONFIRM" in refused, f"make restore FILE=…: {refused.strip()[-200:]}")
        if full:
            _make(target, "backup/prove", f"FILE={file}")
            target.stop()
            _make(target, "restore", f"FILE={file}", "CONFIRM=larder")
            target.start()
    return "a named backup was made, proved and restored" if full else "a named backup was made"


def _make(target: Target, *arguments: str) -> None:
    done = _run(target, *arguments)
    require(done.returncode == 0, f"make {arguments[0]}: {done.stderr.strip()[-300:]}")


def _run(target: Target, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = target.code.python.parent.parent
    return subprocess.run(
        ["make", "--no-print-directory", *arguments, f"VENV={environment}", "install=true"],
        cwd=target.checkout,
        env=target.environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
