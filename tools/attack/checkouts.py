"""Which code is attacked: a revision's checkout, and the Python versions that run it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tools.attack.target import CHECKOUT, Code
from tools.errors import LauncherError

VERSIONS = ("3.11", "3.12", "3.13")


@contextmanager
def revision(name: str) -> Iterator[Path]:
    """Give a checkout of that revision, for the time of the block. Raises LauncherError."""
    with tempfile.TemporaryDirectory(prefix="larder-revision-") as folder:
        checkout = Path(folder) / "previous"
        _git("worktree", "add", "--detach", str(checkout), name)
        try:
            yield checkout
        finally:
            _git("worktree", "remove", "--force", str(checkout))


def _git(*words: str) -> None:
    done = subprocess.run(
        ["git", *words], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise LauncherError(f"git {words[0]} {words[1]}: {done.stderr.strip()}")


def pythons(code: Code, data: Path) -> dict[str, Code | None]:
    """Return the code with each supported Python, its own first; None where this machine has none.

    The environments of the others are made below `data`. Raises LauncherError.
    """
    own = version(code.python).removeprefix("Python ").rpartition(".")[0]
    others = {one: _with(code, one, data) for one in VERSIONS if one != own}
    return {own: code, **others}


def _with(code: Code, wanted: str, data: Path) -> Code | None:
    python = _interpreter(wanted)
    if python is None:
        return None
    data.mkdir(parents=True, exist_ok=True)
    return Code(code.checkout, _environment(data / f"attack-venv-{wanted}", python))


def _interpreter(wanted: str) -> Path | None:
    """Return a Python of that version: the one on the PATH, or one of pyenv's, which the PATH may
    name without starting it."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    on_path = shutil.which(f"python{wanted}")
    found = [Path(on_path)] if on_path else []
    for one in (*found, *sorted(pyenv.glob(f"versions/{wanted}.*/bin/python{wanted}"))):
        done = subprocess.run([one, "--version"], capture_output=True, text=True, check=False)
        if done.stdout.startswith(f"Python {wanted}."):
            return one
    return None


def _environment(venv: Path, python: Path) -> Path:
    done = subprocess.run(
        ["sh", "tools/bootstrap.sh", "requirements/run.txt"],
        cwd=CHECKOUT,
        env=os.environ | {"VENV": str(venv.absolute()), "PYTHON": str(python)},
        check=False,
    )
    if done.returncode != 0:
        raise LauncherError(f"No environment could be made with {python}.")
    return venv.absolute() / "bin" / "python"


@cache
def version(python: Path) -> str:
    """Return what the interpreter says of itself, as `Python 3.13.0`."""
    done = subprocess.run([python, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip()
