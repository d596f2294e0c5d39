"""Checks a commit out into a separate folder, with a Python that has what it requires."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.installation import HERE, Checkout
from larder.local.terminal import LauncherError

REQUIREMENTS = Path("requirements", "run.txt")
AS_IT_IS = "."
NEEDED = ("benchmarks/shop.py", "benchmarks/sql/order.sql", "larder/local/supervisor.py")
"""How a commit's shop is filled and its server started: it has to know itself."""


@dataclass(frozen=True, slots=True)
class Commit:
    """`name` as it was given, the full `hash` (empty for the files as they are now), `subject`."""

    name: str
    hash: str
    subject: str

    @property
    def title(self) -> str:
        """Returns the name, the hash and the subject, for reports."""
        return f"{self.name} ({self.hash[:10]} {self.subject})" if self.hash else self.subject


def find(name: str) -> Commit:
    """Returns the commit of that name; `.` is the checkout as it is now. Raises LauncherError."""
    if name == AS_IT_IS:
        return Commit(name, "", "the files as they are now")
    # A name that begins with a dash would be an option.
    answers = _git("log", "-1", "--format=%H %s", "--end-of-options", name, "--")
    hash, _, subject = answers.strip().partition(" ")
    return Commit(name, hash, subject)


def check_out(commit: Commit, folder: Path) -> Checkout:
    """Writes the commit's files below `folder`. Raises LauncherError.

    Registers no worktree in git, so none is left behind however this ends.
    """
    if not commit.hash:
        return HERE
    code = folder / "code"
    code.mkdir(parents=True)
    index = {"GIT_INDEX_FILE": str(folder / "index")}
    _git("read-tree", commit.hash, **index)
    _git("checkout-index", "--all", f"--prefix={code}/", **index)
    missing = [path for path in NEEDED if not (code / path).exists()]
    if missing:
        raise LauncherError(f"{commit.title} cannot be measured: it has no {missing[0]}.")
    return Checkout(code, python_for(code, folder / "venv"))


def python_for(code: Path, venv: Path) -> str:
    """The Python that runs us where it has what the code requires, otherwise a new one's path."""
    if (code / REQUIREMENTS).read_bytes() == (HERE.folder / REQUIREMENTS).read_bytes():
        return HERE.python
    environment = dict(os.environ) | {"VENV": str(venv), "PYTHON": HERE.python}
    command = ["/bin/sh", "tools/bootstrap.sh", str(REQUIREMENTS)]
    done = subprocess.run(
        command, env=environment, cwd=code, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise LauncherError(f"{REQUIREMENTS} cannot be installed:\n{done.stderr[-3000:]}")
    return str(venv / "bin" / "python")


def _git(*arguments: str, **environment: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(HERE.folder), *arguments],
        env=dict(os.environ) | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LauncherError(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout
