"""The Makefile and the preparation of the environment."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.bootstrap import is_sound

pytestmark = pytest.mark.system

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the bootstrap and requirements that need no network."""
    folder = tmp_path / "checkout"
    (folder / "tools").mkdir(parents=True)
    for name in ("bootstrap.sh", "bootstrap.py"):
        shutil.copy(CHECKOUT / "tools" / name, folder / "tools")
    for name in ("config", "larder", "requirements"):
        (folder / name).mkdir()
    (folder / "manage.py").touch()
    (folder / "requirements" / "run.txt").write_text("# nothing\n")
    return folder


def bootstrap(checkout: Path, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["/bin/sh", "tools/bootstrap.sh", "requirements/run.txt"],
        cwd=checkout,
        env={"PATH": "/usr/bin:/bin", "PYTHON": sys.executable, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> tuple[int, str]:
    with process:
        printed, _ = process.communicate(timeout=60)
    return process.returncode, printed


def test_an_environment_is_created_once_also_by_two_processes(checkout: Path) -> None:
    first, second = bootstrap(checkout), bootstrap(checkout)
    both = [said(first), said(second)]
    assert [status for status, _ in both] == [0, 0]
    assert sum("Installing" in printed for _, printed in both) == 1
    assert said(bootstrap(checkout)) == (0, "")
    assert said(bootstrap(checkout, PYTHON="")) == (0, "")
    assert is_sound(checkout / ".venv")
    (checkout / ".venv" / "incomplete").touch()
    assert not is_sound(checkout / ".venv")


def test_a_machine_without_python_gets_a_message_of_one_line(
    checkout: Path, tmp_path: Path
) -> None:
    status, printed = said(bootstrap(checkout, PATH=str(tmp_path), PYTHON=""))
    assert status == 1
    assert printed == (
        "Python 3.11, 3.12 or 3.13 is needed and not on the PATH: install it, "
        "or name it with PYTHON=.\n"
    )


needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")


KNOWN = ("build", "migrate", "makemigrations", "format", "venv", "requirements.txt", "clean")


@needs_make
@pytest.mark.parametrize("target", KNOWN)
def test_targets_of_earlier_teams_run_although_files_have_their_names(
    target: str, tmp_path: Path
) -> None:
    shutil.copy(CHECKOUT / "Makefile", tmp_path)
    (tmp_path / target).touch()
    make = [str(shutil.which("make")), "--dry-run", target]
    planned = subprocess.run(make, cwd=tmp_path, env={}, capture_output=True, text=True, check=True)
    assert "up to date" not in planned.stdout
    assert re.search("bootstrap|rm -rf", planned.stdout)
