"""The nginx of deploy/compose before two servers, which it changes by reloads."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tools.errors import LauncherError
from tools.kept import Keeping, Kept
from tools.nginx import ROOT, lay_out, without_tls
from tools.ports import free_port, listens
from tools.processes import children, send, wait_until

MAIN = ROOT / "deploy" / "nginx" / "nginx.conf"
SERVERS = ("app1:8000", "app2:8000")
RELOAD_SECONDS = 30.0
DRAINING = "nginx-draining"
DRAIN_SECONDS = 2.0
"""In which each client that keeps its connection sends a request."""


class Proxy:
    """nginx at `port`; `serve` names the ports of its two servers."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("nginx", path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin")
        if program is None:
            raise LauncherError("nginx is missing: apt-get install nginx-light")
        self.port = free_port()
        self.reloads = 0
        self._program = program
        self._folder = folder
        self._kept: Kept | None = None

    def start(self, servers: Sequence[int]) -> None:
        """Start nginx. Raises LauncherError."""
        self._folder.mkdir()
        copy = self._write(servers)
        self._kept = Kept(
            [self._program, "-e", "stderr", "-c", copy, "-g", "daemon off;"],
            Keeping(stop=(("QUIT", 10.0),)),
            output=(self._folder / "log").open("ab"),
        )
        if not wait_until(lambda: listens(self.port)):
            raise LauncherError(f"nginx does not listen:\n{(self._folder / 'log').read_text()}")

    def serve(self, servers: Sequence[int]) -> None:
        """Send requests to these ports from now on; return when the former configuration has
        answered its last request. Raises LauncherError."""
        copy = self._write(servers)
        checked = subprocess.run(
            [self._program, "-t", "-q", "-e", "stderr", "-c", copy],
            capture_output=True,
            text=True,
            check=False,
        )
        if checked.returncode != 0:
            raise LauncherError(f"nginx refuses its configuration: {checked.stderr}")
        self.reload()

    def reload(self) -> None:
        """End the kept connections, reload, and return when the former processes have ended."""
        former = set(children(self._main))
        draining = self._folder / DRAINING
        draining.touch()
        time.sleep(DRAIN_SECONDS)
        send(self._main, signal.SIGHUP)
        self.reloads += 1
        if not wait_until(lambda: not former & set(children(self._main)), RELOAD_SECONDS):
            raise LauncherError("nginx's former processes do not end.")
        draining.unlink()

    @property
    def _main(self) -> int:
        if self._kept is None:
            raise LauncherError("nginx does not run.")
        return children(self._kept.pid)[0]

    def _write(self, servers: Sequence[int]) -> Path:
        names = zip(SERVERS, servers, strict=True)
        upstreams = {re.escape(name): f"127.0.0.1:{port}" for name, port in names}
        return lay_out(MAIN, self._folder, without_tls(MAIN, self._folder, self.port) | upstreams)

    def stop(self) -> None:
        """End nginx."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None
