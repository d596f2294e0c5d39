"""npm packages of tests, from a lock file. Where they cannot be installed, the test is skipped."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

from tests.server import ROOT


def printed(
    command: Sequence[str | Path],
    *,
    folder: Path = ROOT,
    environment: Mapping[str, str] | None = None,
    seconds: float = 300,
) -> str:
    """Runs a program and returns what it printed. Fails with all of its output if its status is not
    0. Without `environment` it has that of the test."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ if environment is None else environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


SDK = ROOT / "clients" / "typescript"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def unavailable(reason: str) -> NoReturn:
    """Skip the test, or fail it in CI, where everything must be there."""
    if "CI" in os.environ:
        pytest.fail(reason)
    pytest.skip(reason)


def with_certificates(name: str) -> dict[str, str]:
    """Return the environment, with the file of the system's certificates as this variable.
    Node.js and uv do not read it by themselves."""
    return {name: str(_CERTIFICATES), **os.environ} if _CERTIFICATES.exists() else {**os.environ}


def require_node() -> None:
    """Skip the test if there is no node.js that runs the SDK."""
    if shutil.which("node") is None:
        unavailable("no node.js on this machine")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    if int(version.stdout.lstrip("v").partition(".")[0]) < 20:
        unavailable("the SDK needs node.js 20 or later")


def node(*words: str | Path, folder: Path, environment: dict[str, str] | None = None) -> str:
    """Run a program of node.js in a folder. Return what it printed; fail with that."""
    require_node()
    return printed(words, folder=folder, environment=os.environ | (environment or {}))


def install(folder: Path) -> None:
    """Install what the lock file of a folder names; skip the test where npm cannot fetch it."""
    lock = folder / "package-lock.json"
    if _versions(lock) == _versions(folder / "node_modules" / ".package-lock.json"):
        return
    if shutil.which("npm") is None:
        unavailable("no npm on this machine")
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=folder,
        env=with_certificates("NODE_EXTRA_CA_CERTS"),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        unavailable(f"npm could not fetch packages: {done.stderr}")


def _versions(lock: Path) -> dict[str, str]:
    """Return the versions of packages that a lock file names, by folder; none without it."""
    if not lock.exists():
        return {}
    packages = json.loads(lock.read_text())["packages"]
    return {name: package["version"] for name, package in packages.items() if name}
