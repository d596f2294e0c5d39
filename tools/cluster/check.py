"""python -m tools.cluster.check: etcd, Patroni and the pools read the files of deploy/patroni.

They check addresses as well, so this is done on machines with the names in the files.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tools.cluster import network
from tools.cluster.machines import DATABASES, Cluster
from tools.errors import LauncherError
from tools.processes import wait_until
from tools.terminal import complain, say

SECONDS = 60.0
TAKES_NO_ENVIRONMENT = {"name", "restapi.connect_address", "postgresql.connect_address"}
"""What Patroni's check does not find in the file, because it is in the environment; and the list
that is in `postgresql` in place of `bootstrap`."""


def main() -> int:
    """0 when all are content; otherwise 1, and what they said."""
    try:
        network.enter()
        with tempfile.TemporaryDirectory(prefix="larder-cluster-") as folder:
            Path(folder).chmod(0o711)
            check(Cluster(Path(folder)))
    except LauncherError as error:
        complain(str(error))
        return 1
    return 0


def check(cluster: Cluster) -> None:
    """Start etcd and the pools alone, and let Patroni look. Raises LauncherError."""
    cluster.make()
    for name in DATABASES:
        health = cluster.nodes[name].machine.command("/usr/bin/etcdctl", "endpoint", "health")
        if not wait_until(lambda: network.output(health)[0] == 0, SECONDS):  # noqa: B023
            raise LauncherError(f"etcd of {name} is not healthy.")
    say("etcd: three nodes start with their settings")
    machine = cluster.nodes["db1"].machine
    _, said = network.output(
        machine.command("/usr/bin/patroni", "--validate-config", "/etc/patroni/patroni.yml")
    )
    if faults := [line for line in said.splitlines() if not is_expected(line)]:
        raise LauncherError(f"patroni: {faults}")
    say("patroni: takes its configuration")
    for program in ("haproxy", "pgbouncer"):
        service = cluster.nodes["app1"].services[program]
        if not wait_until(lambda: service.running, SECONDS) or service.starts > 1:  # noqa: B023
            raise LauncherError(f"{program} does not start: {service.log.tail()}")
        say(f"{program}: starts with its configuration")


def is_expected(line: str) -> bool:
    """Return whether Patroni reports only what is elsewhere."""
    what, _, fault = line.partition(" ")
    return fault.strip() == "is not defined." and what in TAKES_NO_ENVIRONMENT | {
        "bootstrap.pg_hba"
    }


if __name__ == "__main__":
    sys.exit(main())
