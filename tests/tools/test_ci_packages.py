"""`.ci/run` installs each missing package, and begins no step after its time limit."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.database import ROOT

pytestmark = pytest.mark.system

SCRIPT = ROOT / ".ci/run"
NEEDED = re.findall(r"^needs (\S+) (\S+)$", SCRIPT.read_text(), re.MULTILINE)
PROGRAMS = [(name, package) for name, package in NEEDED if "/" not in name]
LOOKED_FOR = {
    *("amtool", "buildah", "chromium", "curl", "etcd", "etcdctl", "haproxy", "ip", "memcached"),
    *("mmdebstrap", "nft", "nginx", "npm", "openssl", "patroni", "pgbouncer", "prometheus"),
    *("prometheus-alertmanager", "promtool", "redis-server", "systemd-analyze"),
    "/usr/lib/nginx/modules/ngx_http_lua_module.so",
    "/usr/lib/postgresql",
    "/usr/lib/postgresql/15/bin/postgres",
    "/usr/lib/python3/dist-packages/etcd",
}
"""Programs and files that the tests and the checks of `deploy` look for."""
CHECKS = "".join(one.read_text() for one in ROOT.glob("deploy/*/check.sh"))


def installed_without(folder: Path, absent: str) -> str:
    """Returns the packages that the script installs on a machine that has all programs but one."""
    log = folder / "installed"
    log.touch()
    stubs = {name: "exit 0" for name, _ in PROGRAMS if name != absent}
    run(folder, stubs | {"apt-get": f'echo "$@" >>{log}'}, "packages").check_returncode()
    return log.read_text()


def run(
    folder: Path, stubs: dict[str, str], *arguments: str, seconds: int = 60
) -> subprocess.CompletedProcess[str]:
    """Runs the script with the `stubs` in place of programs, and with a time limit in seconds."""
    for name, body in ({"id": "echo 0", "install": "exit 0"} | stubs).items():
        (folder / name).write_text(f"#!/bin/bash\n{body}\n")
        (folder / name).chmod(0o755)
    for name in ("dirname", "env"):
        (folder / name).symlink_to(f"/usr/bin/{name}")
    environment = {"PATH": str(folder), "CI_SECONDS": str(seconds)}
    command = ["/bin/bash", str(SCRIPT), *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def test_what_tests_and_checks_look_for_is_installed() -> None:
    lines = [one for one in SCRIPT.read_text().splitlines() if one.startswith("needs ")]
    assert len(lines) == len(NEEDED)
    assert sorted(name for name, _ in NEEDED) == sorted(LOOKED_FOR)


def test_what_a_check_says_to_install_on_debian_is_installed() -> None:
    said = " ".join(re.findall(r"On Debian: apt-get install ([a-z0-9 -]+)", CHECKS)).split()
    assert said
    assert set(said) <= {package for _, package in NEEDED}


def test_a_missing_file_gets_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine that has none of the files."""
    script = tmp_path / "elsewhere" / "run"
    script.parent.mkdir()
    script.write_text(SCRIPT.read_text().replace("\nneeds /", f"\nneeds {tmp_path}/none/"))
    monkeypatch.setattr(f"{__name__}.SCRIPT", script)
    words = set(installed_without(tmp_path, "").split())
    assert words & {package for _, package in NEEDED} == {
        package for name, package in NEEDED if "/" in name
    }


@pytest.mark.parametrize(("program", "package"), PROGRAMS)
def test_a_machine_without_one_program_gets_its_package(
    program: str, package: str, tmp_path: Path
) -> None:
    words = installed_without(tmp_path, program).split()

    assert package in words
    assert not {name for _, name in PROGRAMS if name != package} & set(words)


def made(folder: Path, seconds: int = 60, make: str = "") -> subprocess.CompletedProcess[str]:
    """Runs the script with a `make` that writes its target, and then does what is given."""
    folder.mkdir()
    stubs = {name: "exit 0" for name, _ in PROGRAMS}
    return run(
        folder, stubs | {"apt-get": "exit 0", "make": f'echo "made $1"; {make}'}, seconds=seconds
    )


def test_no_step_but_the_check_begins_after_the_time_limit(tmp_path: Path) -> None:
    all_steps = made(tmp_path / "in-time").stdout.splitlines()
    assert all_steps[0] == "made check"
    assert "made test/system" in all_steps
    first, note, *left_out = made(tmp_path / "late", seconds=0).stdout.splitlines()
    assert first == "made check"
    assert note.startswith("Left out")
    steps = [line.partition("make ")[2].split()[0] for line in left_out if "make " in line]
    assert [f"made {step}" for step in steps] == all_steps[1:]


def test_a_step_that_fails_ends_the_run(tmp_path: Path) -> None:
    done = made(tmp_path / "run", make='[ "$1" = check ]')
    assert done.returncode == 1
    assert done.stdout.splitlines() == ["made check", "made test/system"]
