"""Scripts that run in Chromium: files of npm packages, which this repository does not hold."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from larder.local.terminal import LauncherError

_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True, slots=True)
class Script:
    """A file of an npm package: the package with its version, the path in it, its SHA-256."""

    package: str
    path: str
    sha256: str


AXE = Script(
    "axe-core@4.14.1",
    "axe.min.js",
    "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c",
)


def fetched(script: Script, folder: Path) -> Path:
    """Return the script's file below `folder`, fetched with npm if it is not there yet.

    Raises LauncherError if npm is missing or fails, or if the file is another one.
    """
    file = folder / "npm" / f"{script.package}.min.js"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        archive = _packed(script.package, file.parent)
        with tarfile.open(archive) as packed:
            member = packed.extractfile(f"package/{script.path}")
            file.write_bytes(member.read() if member else b"")
        archive.unlink()
    if hashlib.sha256(file.read_bytes()).hexdigest() != script.sha256:
        raise LauncherError(f"{file} is not the file that is pinned: remove it and try again.")
    return file


def _packed(package: str, folder: Path) -> Path:
    """Return the archive of an npm package."""
    if not shutil.which("npm"):
        raise LauncherError(f"npm is needed to fetch {package}, and is not installed.")
    # Node does not read the system's certificates by itself.
    system = {"NODE_EXTRA_CA_CERTS": str(_CERTIFICATES)} if _CERTIFICATES.exists() else {}
    done = subprocess.run(
        ["npm", "pack", "--silent", package],
        cwd=folder,
        env={**system, **os.environ},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LauncherError(f"npm could not fetch {package}.\n{done.stderr}".rstrip())
    return folder / done.stdout.split()[-1]
