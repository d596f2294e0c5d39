"""The Makefile and the preparation of the environment."""

from __future__ import annotations

import pwd
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.processes import needs_root, python_for
from tools.bootstrap import is_installed, is_sound

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


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


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


def test_requirements_are_installed_when_an_installed_file_has_every_line(tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    installed.mkdir()
    (installed / "dev.txt").write_text("a==1\nb==2\n")
    requirements = tmp_path / "run.txt"
    requirements.write_text("a==1\n")
    assert is_installed(tmp_path, requirements)
    requirements.write_text("a==2\n")
    assert not is_installed(tmp_path, requirements)


def test_a_machine_without_python_gets_a_message_of_one_line(
    checkout: Path, tmp_path: Path
) -> None:
    status, printed = said(bootstrap(checkout, PATH=str(tmp_path), PYTHON=""))
    assert status == 1
    assert printed == (
        "Python 3.11, 3.12 or 3.13 is needed and not on the PATH: install it, "
        "or name it with PYTHON=.\n"
    )


def test_an_unsuitable_python_gets_a_message_of_one_line(checkout: Path, tmp_path: Path) -> None:
    program(tmp_path / "bin", "old-python", "exit 1")
    named = str(tmp_path / "bin" / "old-python")
    assert said(bootstrap(checkout, PYTHON=named)) == (
        1,
        f"PYTHON={named} is not a Python 3.11, 3.12 or 3.13 that runs here.\n",
    )


def test_the_message_for_a_python_without_venv_names_the_package(
    checkout: Path, tmp_path: Path
) -> None:
    program(tmp_path / "bin", "python3.12", 'case "$2" in *version*) exit 0 ;; esac; exit 1')
    status, printed = said(bootstrap(checkout, PATH=str(tmp_path / "bin"), PYTHON=""))
    assert status == 1
    assert printed.startswith("python3.12 has no venv module: install it")


@needs_root
def test_an_unreadable_checkout_is_reported_with_one_line(
    checkout: Path, open_folder: Path
) -> None:
    shutil.copytree(checkout, open_folder / "copy")
    (open_folder / "copy" / "config" / "secret.py").touch(mode=0o600)
    tried = subprocess.run(
        [*python_for(pwd.getpwnam("nobody").pw_uid), "-I", "tools/bootstrap.py"],
        cwd=open_folder / "copy",
        env={"PATH": "/usr/bin:/bin"},
        user="nobody",
        group="nogroup" if Path("/etc/debian_version").exists() else "nobody",
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )
    assert tried.returncode == 1
    assert tried.stderr.startswith("Let user nobody read this checkout: ")
    assert tried.stderr.count("\n") == 1


needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")


def help_in_groups() -> dict[str, list[str]]:
    """Return what `make help` prints in an empty environment: targets by group."""
    make = str(shutil.which("make"))
    shown = subprocess.run([make], cwd=CHECKOUT, env={}, capture_output=True, text=True, check=True)
    groups: dict[str, list[str]] = {}
    for part in shown.stdout.strip().split("\n\n"):
        group, *lines = part.splitlines()
        groups[group] = [line.split()[1] for line in lines]
    return groups


@needs_make
def test_help_begins_with_the_targets_for_newcomers() -> None:
    groups = help_in_groups()
    assert next(iter(groups)) == "Start here"
    assert groups["Start here"][:3] == ["help", "run", "test"]
    assert len(groups) > 5


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
