"""The image by buildah: no daemon, and no image from a registry.

What represents the official Python image is made of Debian's own packages (mmdebstrap) and named
like it, so its Python is Debian's, not the one the tag says, and its digest is another than the
Dockerfile's: it is handed in as PYTHON_DIGEST. Everything else is the Dockerfile's.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.errors import LauncherError
from tools.terminal import step

CHECKOUT = Path(__file__).resolve().parents[2]
SUITE = "trixie"
PACKAGES = "python3,python3-venv,ca-certificates"
LEFT_OUT = "/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*"
PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Both as the official image has them."""
UNKNOWN = "image not known"
"""What buildah says of a base that is not here."""
PROGRAMS = {"buildah": "buildah", "mmdebstrap": "mmdebstrap", "unshare": "util-linux"}


@dataclass(frozen=True, slots=True)
class Image:
    """What a container engine would start: the tree, who runs what in it, with what."""

    tree: Path
    user: str
    folder: str
    environment: tuple[str, ...]
    command: tuple[str, ...]
    health: tuple[str, ...]
    labels: dict[str, str]


class Buildah:
    """buildah with a separate store."""

    def __init__(self, store: Path) -> None:
        """Raises LauncherError when this machine cannot do it."""
        if sys.platform != "linux" or os.geteuid() != 0:
            raise LauncherError("Without a container engine, run this as root on Linux.")
        missing = [package for name, package in PROGRAMS.items() if not shutil.which(name)]
        if missing:
            raise LauncherError(f"Programs are missing: run apt-get install {' '.join(missing)}")
        self._command = [
            *("buildah", "--storage-driver", "vfs"),
            *("--root", str(store / "images"), "--runroot", str(store / "run")),
        ]

    def base(self) -> str:
        """Make what represents the official image, unless it is there; return its name."""
        tag = re.search(r"^ARG PYTHON_TAG=(\S+)$", dockerfile(), re.MULTILINE)
        if tag is None:
            raise LauncherError("Set PYTHON_TAG in the Dockerfile: it has none.")
        name = f"docker.io/library/python:{tag[1]}"
        if not self._ask("images", "--quiet", "--filter", f"reference={name}"):
            with tempfile.TemporaryDirectory(prefix="larder-base-") as folder:
                archive = Path(folder) / "base.tar"
                with step("Base made of Debian's packages"):
                    _debian(archive)
                with step("Base imported"):
                    self._import(archive, name)
        return name

    def pinned(self) -> str:
        """The base's own digest, as PYTHON_DIGEST takes it. Raises LauncherError if any would do.

        The Dockerfile's own digest is not that of what is here under the tag, so a build that
        gets no name must find no base.
        """
        name = self.base()
        with step("Another base under the same tag refused"):
            try:
                self._build("--target", "base", "--tag", f"{name}-unpinned")
            except LauncherError as refused:
                if UNKNOWN not in str(refused):
                    raise
            else:
                raise LauncherError("Set a digest in the Dockerfile: any base will do now.")
        listed = self._ask("images", "--format", "{{.Digest}}", "--filter", f"reference={name}")
        return f"@{listed}"

    def _import(self, archive: Path, name: str) -> None:
        container = self._ask("from", "scratch")
        self._ask("add", "--quiet", container, str(archive), "/")
        self._ask("config", "--env", f"PATH={PATH}", container)
        self._ask("commit", "--quiet", "--rm", container, name)

    def build(self, name: str, *options: str) -> None:
        """Build the Dockerfile on that base, by its digest."""
        digest = self.pinned()
        with step(f"Image {name} built"):
            self._build("--build-arg", f"PYTHON_DIGEST={digest}", *options, "--tag", name)

    def _build(self, *options: str) -> None:
        """The settings of pip here are used there."""
        with pip_settings() as mounts:
            self._ask(
                *("build", "--isolation", "chroot", "--format", "docker", "--layers=false"),
                *("--pull-never", *mounts, *options, str(CHECKOUT)),
            )

    @contextmanager
    def opened(self, name: str) -> Iterator[Image]:
        """The image as files, until the block ends."""
        config = json.loads(self._ask("inspect", "--type", "image", name))["Docker"]["config"]
        container = self._ask("from", "--pull-never", name)
        try:
            yield _image(Path(self._ask("mount", container)), config)
        finally:
            self._ask("rm", container)

    def _ask(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._command, *arguments], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            shown = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
            raise LauncherError(f"buildah {arguments[0]} failed. Read its output:\n{shown}")
        return done.stdout.strip()


def dockerfile() -> str:
    """What it says."""
    return (CHECKOUT / "Dockerfile").read_text()


def _image(tree: Path, config: dict[str, Any]) -> Image:
    return Image(
        tree=tree,
        user=config["User"],
        folder=config["WorkingDir"],
        environment=tuple(config["Env"]),
        command=tuple(config["Cmd"]),
        health=tuple(config["Healthcheck"]["Test"]),
        labels=dict(config["Labels"]),
    )


def _debian(archive: Path) -> None:
    command = [
        *("mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}"),
        *(f"--dpkgopt=path-exclude={path}" for path in LEFT_OUT),
        '--customize-hook=ln -s /usr/bin/python3 "$1/usr/local/bin/python"',
        *(SUITE, str(archive)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shown = "\n".join(done.stderr.splitlines()[-15:])
        raise LauncherError(f"mmdebstrap failed. Read its output:\n{shown}")


@contextmanager
def pip_settings() -> Iterator[list[str]]:
    """Options that take this machine's pip settings, and the certificates, into the build."""
    asked = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    values = dict(re.findall(r"^(?:global|user|site|:env:)\.(\S+?)='(.*)'$", listed, re.MULTILINE))
    lines = [f"{name} = {value}" for name, value in values.items()]
    named = {Path(word.removeprefix("file://")) for one in values.values() for word in one.split()}
    files = [path for path in named if path.is_absolute() and path.is_file()]
    with tempfile.NamedTemporaryFile("w", prefix="larder-pip-", suffix=".conf") as settings:
        settings.write("\n".join(["[global]", *lines, ""]))
        settings.flush()
        mounts = [f"{settings.name}:/etc/pip.conf:ro", *(f"{path}:{path}:ro" for path in files)]
        yield [option for mount in mounts for option in ("--volume", mount)]
