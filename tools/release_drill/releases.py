"""The last release: its commit, its files, and a Python that has what it requires."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.attack import checkouts
from tools.attack.target import CHECKOUT, Code
from tools.errors import LauncherError

SECTION = re.compile(r"^## \[(\d+\.\d+\.\d+)\] - ", re.MULTILINE)
REQUIREMENTS = "requirements/run.txt"


@dataclass(frozen=True)
class Release:
    """A version's name, its commit, and its code."""

    name: str
    commit: str
    code: Code


def last() -> tuple[str, str]:
    """Return version and commit of the last release: the commit that added its section to
    CHANGELOG.md. Raises LauncherError."""
    found = SECTION.search((CHECKOUT / "CHANGELOG.md").read_text("utf-8"))
    if found is None:
        raise LauncherError("CHANGELOG.md has no section of a release.")
    words = ["log", "--reverse", "--format=%H", "-S", found[0], "--", "CHANGELOG.md"]
    commits = _git(*words).split()
    if not commits:
        raise LauncherError(f"This clone does not have the commit of {found[1]}: get its history.")
    return found[1], commits[0]


@contextmanager
def checked_out(name: str, commit: str, data: Path) -> Iterator[Release]:
    """Give a release, for the time of the block. Raises LauncherError."""
    full = _git("rev-parse", "--verify", "--end-of-options", f"{commit}^{{commit}}").strip()
    with checkouts.revision(full) as checkout:
        yield Release(name, full, Code(checkout, _python_for(checkout, data)))


def present() -> Release:
    """Return the files as they are now."""
    return Release("now", "", Code())


def _python_for(checkout: Path, data: Path) -> Path:
    """Return this Python if it has each package of the release in the same version, otherwise that
    of an environment with the packages of the release, which is made below `data`."""
    if packages(checkout) <= packages(CHECKOUT):
        return Path(sys.executable)
    venv = (data / "venv").absolute()
    venv.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["sh", "tools/bootstrap.sh", REQUIREMENTS],
        cwd=checkout,
        env=os.environ | {"VENV": str(venv), "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LauncherError(f"{REQUIREMENTS} of the release cannot be installed:\n{done.stderr}")
    return venv / "bin" / "python"


def packages(checkout: Path) -> set[str]:
    """Return the locked packages with their versions, such as `django==5.2.8`."""
    return set(re.findall(r"(?m)^[\w.,\[\]-]+==[^ ;\\]+", (checkout / REQUIREMENTS).read_text()))


def _git(*words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise LauncherError(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout
