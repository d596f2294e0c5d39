"""python -m tools.stack.check: each program reads its configuration, without the others.

nginx, promtool and postgres only look at it; PgBouncer and Redis have no such option and are
started for a moment.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tools.errors import LauncherError
from tools.processes import wait_until
from tools.stack import Stack
from tools.stack.process import Process
from tools.terminal import complain, say

LOOKS = {
    "nginx": ("nginx", "-t", "-q", "-c", "/etc/nginx/larder.conf"),
    "prometheus": ("promtool", "check", "config", "/etc/prometheus/prometheus.yml"),
    "alertmanager": ("amtool", "check-config", "/run/secrets/alertmanager_config"),
    "primary": (
        *("postgres", "-C", "wal_level", "-c", "config_file=/etc/postgresql/postgresql.conf"),
        *("-D", "/var/lib/postgresql"),
    ),
}
STARTS = ("pgbouncer", "redis")
START_SECONDS = 60.0


def main() -> int:
    """0 when all are content; otherwise 1, and what they said."""
    with tempfile.TemporaryDirectory(prefix="larder-stack-") as folder:
        stack = Stack(Path(folder))
        try:
            stack.lay_out()
            for name, command in LOOKS.items():
                stack[name].furnish()
                stack[name].run(*command)
                say(f"{name}: {command[0]} takes its configuration")
            for name in STARTS:
                start(stack[name])
                say(f"{name}: starts with its configuration")
        except LauncherError as error:
            complain(str(error))
            return 1
        finally:
            stack.stop()
    return 0


def start(process: Process) -> None:
    """Start a service and stop it again; LauncherError when it does not come up."""
    process.start()
    if not wait_until(lambda: process.healthy, START_SECONDS):
        raise process.failure(f"{process.name} does not start")
    process.stop()


if __name__ == "__main__":
    sys.exit(main())
