"""python -m tools.stack: the set of deploy/compose as processes, until INT or TERM."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from larder.ops.serve import raise_file_limit
from tools.errors import LauncherError
from tools.run.__main__ import EndRequestedError, listen_for_signals
from tools.stack import Stack, compose, programs
from tools.stack.stack import DEPLOY
from tools.terminal import complain, say, step

GREETING = """
Larder is at {url}
  curl --insecure {url}/livez
  Prometheus   http://{prometheus}:9090
  logs         {folder}/*.log
  certificate  {folder}/secrets/tls_certificate (self-signed, for localhost)
Grafana runs in a container only. Stop it with Ctrl-C."""


def main() -> int:
    """Run until a signal; 0 after an orderly end, 1 when something does not start."""
    listen_for_signals()
    raise_file_limit()
    folder = Path(os.environ.get("DATA") or ".data").absolute() / "stack"
    stack = Stack(folder, compose.settings(DEPLOY / ".env") | os.environ)
    try:
        with step("Everything started"):
            stack.start()
        if not programs.LUA.exists():
            say("Without libnginx-mod-http-lua nginx does not bound the time of an upload.")
        say(GREETING.format(url=stack.url, prometheus=stack.addresses["prometheus"], folder=folder))
        threading.Event().wait()
    except LauncherError as error:
        complain(str(error))
        return 1
    except EndRequestedError:
        with step("Stopped"):
            stack.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
