"""The nginx of deploy/ before two servers, which it changes by reloads."""

from __future__ import annotations

import re
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from tools.nginx import lay_out
from tools.processes import Keeping, Kept, children, free_port, listens, send, wait_until
from tools.terminal import LauncherError

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
            self._kept = Kept(words, Keeping(stop=(("QUIT", 10.0),)), output=output)
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
