"""A Patroni cluster of deploy/patroni is broken under load: nothing lost, writes back in 15 s."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from larder.local.terminal import LauncherError, say
from tools.processes import wait_until
from tools.proof import network
from tools.proof.faults import FAULTS, struck
from tools.proof.machines import PORT, SERVERS, Cluster
from tools.proof.site import Kit, Site

PROGRAMS = ("patroni", "etcd", "haproxy", "pgbouncer", "nft", "ip")
SECONDS, FULL_ROUNDS = 180, 100
WITHIN_SECONDS, WHOLE_SECONDS, SETTLE_SECONDS = 15.0, 90.0, 3.0


class ClusterSite(Site):
    """The shop of two servers on three database nodes, each a machine of its own."""

    machines: Cluster

    @property
    def urls(self) -> list[str]:
        """The addresses of the servers."""
        return [f"http://{network.ADDRESSES[name]}:{PORT}" for name in SERVERS]

    def log(self, name: str) -> str:
        """Return what a server wrote."""
        return (self.folder / f"{name}-server.log").read_text(errors="replace")


@contextmanager
def opened(_settings: object, _servers: int) -> Iterator[Site]:
    """Give a shop on a new cluster. Raises LauncherError."""
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    if missing := [name for name in PROGRAMS if not shutil.which(name, path=path)]:
        raise LauncherError(f"Programs are missing: {', '.join(missing)}. See .ci/run.")
    with tempfile.TemporaryDirectory(prefix="larder-cluster-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        machines = Cluster(folder)
        machines.make()
        machines.start_databases()
        machines.start_servers()
        site = ClusterSite(_Primary(machines), folder, machines.environment(SERVERS[0]))  # type: ignore[arg-type]
        site.machines = machines
        yield site


class _Primary:
    """Where the present primary is: what the audit reads."""

    def __init__(self, machines: Cluster) -> None:
        self._machines = machines

    def owner_url(self) -> str:
        """Return the address of the tables' owner, past HAProxy."""
        address = network.ADDRESSES[self._machines.primary]
        url = self._machines.environment(SERVERS[0])["OWNER_DATABASE_URL"]
        return url.replace("127.0.0.1:5000", address).replace("127.0.0.1:6432", address)


def play(kit: Kit) -> None:
    """Break the primary again and again, each time in another way."""
    site = kit.site
    if not isinstance(site, ClusterSite):
        raise TypeError("this scenario needs a cluster")
    kit.fleet.open_shop()
    pauses: list[float] = []
    with kit.fleet.running():
        time.sleep(SETTLE_SECONDS)
        until, names = time.monotonic() + SECONDS, list[str]()
        while len(pauses) < FULL_ROUNDS if kit.full else time.monotonic() < until:
            names = names or kit.random.sample(list(FAULTS), len(FAULTS))
            pauses.append(strike(kit, site.machines, names.pop()))
    pauses.sort()
    late = pauses[int(0.99 * (len(pauses) - 1))]
    say(f"writes back p50 {pauses[len(pauses) // 2]:.1f} s, p99 {late:.1f} s")
    if late > WITHIN_SECONDS:
        kit.faults.append(f"Writes came back after {late:.1f} s.")
    # The audit follows: the worker of the shop runs on app1, and the books are whole.
    site.settings["DATABASE_URL"] = site.settings["DATABASE_URL"].replace(
        "127.0.0.1:6432", network.ADDRESSES[site.machines.primary]
    )


def strike(kit: Kit, machines: Cluster, fault: str) -> float:
    """Let a fault happen to the primary, and wait until the cluster is whole. Return the longest
    time in which no order was acknowledged. Raises LauncherError."""
    primary, began = machines.primary, time.monotonic()
    with struck(machines, fault, primary):
        time.sleep(FAULTS[fault][1])
    time.sleep(SETTLE_SECONDS)
    if not wait_until(lambda: machines.is_whole, WHOLE_SECONDS):
        raise LauncherError(f"The cluster is not whole {WHOLE_SECONDS:.0f} s after: {fault}.")
    ended = time.monotonic()
    acknowledged = [
        reply.at
        for wish in kit.fleet.wishes
        for reply in wish.acknowledged
        if wish.kind == "order" and reply.at > began
    ]
    pause = longest_gap([began, *sorted(acknowledged), ended])
    kit.step(f"{fault} ({primary}), no order for {pause:.1f} s", ended - began, 300.0, began)
    return pause


def longest_gap(moments: Sequence[float]) -> float:
    """Return the longest time between two moments."""
    return max(after - before for before, after in pairwise(moments))
