"""Copies of deploy/nginx that run on this machine without TLS.

    python -m tools.nginx

has nginx check them.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from larder.local.processes import Kept
from larder.local.terminal import LauncherError
from tools.processes import children, free_port, listens, send, wait_until

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "deploy" / "nginx"
SHARED = FOLDER / "larder"
SITES = {"behind": "sidecar", "public": "two"}
"""Who reaches nginx, and the file that says where the servers are."""
LUA = Path("/etc/nginx/modules-enabled/50-mod-http-lua.conf")
"""Says that nginx has its Lua module: Debian's package libnginx-mod-http-lua."""


def lay_out(site: str, folder: Path, port: int, changes: Mapping[str, str]) -> Path:
    """Copy the configuration of a site, which listens at the port; return the main file.

    Paths of its machine and what `changes` names (by regular expressions) become others. Where
    nginx has no Lua module, the whole time of an upload has no bound; all else is as in production.
    """
    changes = {
        r"/tmp/|/var/cache/nginx/": f"{folder}/",  # noqa: S108
        r"/etc/nginx/(?=larder|servers|site)": f"{folder}/",
        # Its processes read below the folder, which may be for this user alone.
        r"(?m)^(?=worker_processes)": "user root;\n" if os.geteuid() == 0 else "",
        r"listen (8000|0\.0\.0\.0:8443 ssl http2)\b": f"listen 127.0.0.1:{port}",
        r"listen 0\.0\.0\.0:8080": f"listen unix:{folder}/plain",
        r"(?m)^ *ssl_certificate.*$": "",
        **({} if LUA.exists() else {r"include larder/deadline\.conf;": ""}),
        **changes,
    }
    files = {
        "nginx.conf": FOLDER / "nginx.conf",
        "servers.conf": FOLDER / f"{SITES[site]}.conf",
        "site.conf": FOLDER / f"{site}.conf",
        **{f"larder/{file.name}": file for file in SHARED.iterdir()},
    }
    (folder / "larder").mkdir(exist_ok=True)
    for name, file in files.items():
        text = file.read_text()
        for pattern, replacement in changes.items():
            text = re.sub(pattern, replacement, text)
        (folder / name).write_text(text)
    return folder / "nginx.conf"


def check() -> None:
    """Raise CalledProcessError if nginx refuses the configuration of a site."""
    for site in SITES:
        with tempfile.TemporaryDirectory() as folder:
            main = lay_out(site, Path(folder), 8000, {r"app[12]:8000": "127.0.0.1:8001"})
            subprocess.run(["nginx", "-t", "-q", "-e", "stderr", "-c", main], check=True)


if __name__ == "__main__":
    check()


SERVERS = ("app1:8000", "app2:8000")
RELOAD_SECONDS = 30.0
DRAINING = "nginx-draining"
DRAIN_SECONDS = 2.0
"""In which each client that keeps its connection sends a request."""


class Front:
    """nginx at `port`."""

    def __init__(self, folder: Path, servers: Sequence[int]) -> None:
        program = shutil.which("nginx", path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin")
        if program is None:
            raise LauncherError("nginx is missing: apt-get install nginx-light")
        self.port = free_port()
        self._folder = folder
        folder.mkdir()
        words: list[str | Path] = [
            program,
            "-e",
            "stderr",
            "-c",
            self._write(servers),
            "-g",
            "daemon off;",
        ]
        with (folder / "log").open("ab") as output:
            self._kept = Kept(words, (("QUIT", 10.0),), output=output)
        if not wait_until(lambda: listens(self.port)):
            raise LauncherError(f"nginx does not listen:\n{(folder / 'log').read_text()}")

    def serve(self, servers: Sequence[int]) -> None:
        """Send requests to these ports from now on: end kept connections, reload, and return when
        the former processes have ended. Raises LauncherError."""
        self._write(servers)
        main = self._kept.pid
        former = set(children(main))
        draining = self._folder / DRAINING
        draining.touch()
        time.sleep(DRAIN_SECONDS)
        send(main, signal.SIGHUP)
        if not wait_until(lambda: not former & set(children(main)), RELOAD_SECONDS):
            raise LauncherError("nginx's former processes do not end.")
        draining.unlink()

    def stop(self) -> None:
        """Stop nginx."""
        self._kept.close()

    def _write(self, servers: Sequence[int]) -> Path:
        names = zip(SERVERS, servers, strict=True)
        upstreams = {re.escape(name): f"127.0.0.1:{port}" for name, port in names}
        return lay_out("public", self._folder, self.port, upstreams)
