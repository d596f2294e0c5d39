"""`.ci/run packages` installs the missing packages and checks each program separately."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.database import ROOT

pytestmark = pytest.mark.system

SCRIPT = ROOT / ".ci/run"
PROGRAMS = re.findall(r"^needs ([a-z-]+) ([a-z-]+)$", SCRIPT.read_text(), re.MULTILINE)


def installed_without(folder: Path, absent: str) -> str:
    """Returns the packages that the script installs on a machine that has all programs but one."""
    log = folder / "installed"
    log.touch()
    stubs = {name: "exit 0" for name, _ in PROGRAMS if name != absent}
    stubs |= {"apt-get": f'echo "$@" >>{log}', "id": "echo 0", "install": "exit 0"}
    for name, body in stubs.items():
        (folder / name).write_text(f"#!/bin/bash\n{body}\n")
        (folder / name).chmod(0o755)
    (folder / "dirname").symlink_to("/usr/bin/dirname")
    subprocess.run(
        ["/bin/bash", str(SCRIPT), "packages"], env={"PATH": str(folder)}, check=True, timeout=60
    )
    return log.read_text()


@pytest.mark.parametrize(("program", "package"), PROGRAMS)
def test_a_machine_without_one_program_gets_its_package(
    program: str, package: str, tmp_path: Path
) -> None:
    words = installed_without(tmp_path, program).split()

    assert package in words
    assert not {name for _, name in PROGRAMS if name != package} & set(words)
