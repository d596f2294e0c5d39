"""Where each service lives: an address in place of its name, a folder in place of its file system.

In every text that a service gets (its command, environment, configuration files, secrets, health
check) three things become others, and nothing else:

- the name of a service before a port (`app1:8000`, `host=primary port=`) becomes its address: one
  of 127.0.0.0/8, all of which is this machine on Linux;
- `0.0.0.0`, where it listens, becomes its own address;
- a path that compose.yaml mounts becomes the same path below the service's folder.
"""

from __future__ import annotations

import re
import secrets
import shutil
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.errors import LauncherError
from tools.stack.compose import Service
from tools.stack.programs import text_of

FIRST = 10
TRIES = 20
SECRETS = "/run/secrets"


def addresses(services: Sequence[Service]) -> dict[str, str]:
    """An address for each service, all in one network where nothing listens at their ports."""
    for _ in range(TRIES):
        network = f"127.{secrets.randbelow(200) + 30}.{secrets.randbelow(254) + 1}"
        chosen = {one.name: f"{network}.{FIRST + n}" for n, one in enumerate(services)}
        if all(_free(chosen[one.name], port) for one in services for port in one.ports):
            return chosen
    raise LauncherError("No network of 127.0.0.0/8 is free: stop other sets that run here.")


def _free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


class Place:
    """The folder and the address of one service."""

    def __init__(self, service: Service, folder: Path, addresses: Mapping[str, str]) -> None:
        self.root = folder / service.name
        self.address = addresses[service.name]
        self._service = service
        self._addresses = addresses
        names = "|".join(addresses)
        # Not a part of a longer name, nor of a path.
        self._host = re.compile(rf"(?<![\w.-])(?<![^/]/)(?:{names})(?=:\d|\s+port=)")
        paths = sorted((*service.files, *service.folders, SECRETS), key=len, reverse=True)
        self._path = re.compile(rf"(?<![\w./-])({'|'.join(map(re.escape, paths))})(?![\w-])")

    def render(self, text: str) -> str:
        """The text as it holds here."""
        text = self._host.sub(lambda found: self._addresses[found[0]], text)
        text = re.sub(r"\b0\.0\.0\.0\b(?!/)", self.address, text)
        return self._path.sub(lambda found: f"{self.root}{found[1]}", text)

    def furnish(self, owner: tuple[int, int]) -> None:
        """Lay the service's files and folders out; what is no volume is made anew.

        `owner` are user and group who may write to the folders.
        """
        self.root.mkdir(mode=0o755, exist_ok=True)
        for path in self._service.folders:
            folder = self._inside(path)
            if path not in self._service.stays:
                shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True, exist_ok=True)
            shutil.chown(folder, *owner)
        for path, source in self._service.files.items():
            self._copy(source, self._inside(path))
        for name, source in self._service.secrets.items():
            self._copy(source, self._inside(f"{SECRETS}/{name}"))

    def _inside(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def _copy(self, source: Path, target: Path) -> None:
        if source.is_dir():
            for one in source.iterdir():
                self._copy(one, target / one.name)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(self.render(text_of(source)))
        target.chmod(0o644)
