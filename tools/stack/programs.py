"""The programs that the services are: where they are here, and what to install."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tools.errors import LauncherError
from tools.local_postgres import binaries
from tools.local_postgres.binaries import Binaries
from tools.local_postgres.identity import Identity, find_place
from tools.stack.compose import Service

PACKAGES = {
    "nginx": "nginx-light",
    "pgbouncer": "pgbouncer",
    "redis-server": "redis-server",
    "redis-cli": "redis-tools",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
    "curl": "curl",
    "openssl": "openssl",
}
"""Debian's package of each program that is neither Python's nor PostgreSQL's."""
NAMED_OTHERWISE = {"alertmanager": "prometheus-alertmanager"}
"""Programs of images, and what Debian calls them."""
LUA = Path("/etc/nginx/modules-enabled/50-mod-http-lua.conf")
"""Says that nginx has its Lua module: Debian's package libnginx-mod-http-lua."""
SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Programs:
    """Where to look for them, and as whom those run that must not be root."""

    path: str
    unprivileged: Identity

    def find(self, name: str) -> str:
        """The absolute path of a program."""
        found = shutil.which(NAMED_OTHERWISE.get(name, name), path=self.path)
        if found is None:
            raise LauncherError(f"The program {name} is missing: install it.")
        return found


def missing() -> list[str]:
    """Debian's packages that have to be installed first."""
    return sorted({PACKAGES[name] for name in PACKAGES if not shutil.which(name, path=SYSTEM)})


def text_of(file: Path) -> str:
    """Return a configuration file's text. That of deadline.conf is empty where nginx has no Lua
    module: then the whole time of an upload has no bound; all else is as in production."""
    return "" if file.name == "deadline.conf" and not LUA.exists() else file.read_text()


def find(services: Iterable[Service], folder: Path) -> Programs:
    """Everything the services need; LauncherError of one line says what is not there."""
    if sys.platform != "linux":
        raise LauncherError("Only Linux has an address for each service: use a container engine.")
    if packages := missing():
        raise LauncherError(f"Programs are missing: run apt-get install {' '.join(packages)}")
    place = find_place(binaries.find(), folder, road=os.environ.get("LOCAL_POSTGRES_ROAD"))
    own = Path(sys.executable).parent
    return Programs(f"{own}:{_folder(place.binaries)}:{SYSTEM}", place.identity)


def _folder(postgresql: Binaries) -> Path:
    return Path(postgresql.program("postgres")).parent
