"""What runs on the machines: the files of deploy/patroni at their places, and the programs."""

from __future__ import annotations

import json
import sys
import threading
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from larder.local.processes import LogFile, Service
from larder.local.terminal import LauncherError
from tools.processes import wait_until
from tools.proof import network
from tools.proof.network import Machine

CHECKOUT = Path(__file__).resolve().parents[2]
DEPLOY = CHECKOUT / "deploy" / "patroni"
DATABASES = ("db1", "db2", "db3")
SERVERS = ("app1", "app2")
PORT = 8000
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DATA = "/var/lib/postgresql"
DISK_MEGABYTES = 3072
DISKS = {
    "db": (
        (DATA, f"size={DISK_MEGABYTES}m,uid=postgres,gid=postgres,mode=0700"),
        ("/var/lib/etcd", "size=512m,uid=etcd,gid=etcd,mode=0700"),
        ("/etc/patroni", "size=1m"),
        ("/run/postgresql", "size=16m,uid=postgres,gid=postgres,mode=0755"),
    ),
    "app": (("/etc/haproxy", "size=1m"), ("/etc/pgbouncer", "size=1m")),
}
PROBE_SECONDS = 2.0
START_SECONDS = 60.0


def lines(path: Path) -> dict[str, str]:
    """Return the settings of a file with lines NAME=value."""
    given = [line for line in path.read_text().splitlines() if line and line[0] != "#"]
    return dict(line.split("=", 1) for line in given)


class Node:
    """A machine with its programs. Programs that end are started again, as systemd does."""

    def __init__(self, machine: Machine, logs: Path) -> None:
        self.machine = machine
        self.services: dict[str, Service] = {}
        self.is_down = False
        self._logs = logs

    def add(
        self, name: str, *command: str | Path, user: str = "", environment: Mapping[str, str]
    ) -> None:
        """Add a program; it is started with the next `tend`."""
        log = LogFile(self._logs / f"{self.machine.name}-{name}.log")
        self.services[name] = Service(
            name=f"{self.machine.name}/{name}",
            command=self.machine.command(*command, user=user),
            environment={"PATH": PATH, "LC_ALL": "C.UTF-8", **environment},
            log=log,
        )

    def tend(self) -> None:
        """Start what does not run, unless the machine is down."""
        if not self.is_down:
            for service in tuple(self.services.values()):
                service.tend()

    def pids(self) -> list[int]:
        """All processes of this machine, but for what keeps it."""
        own = self.machine.network_id
        return [pid for pid in network.pids() if network.network_id(pid) == own][1:]


class Cluster:
    """Three database nodes and two machines with a server. Its files are in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.nodes: dict[str, Node] = {}
        self._over = threading.Event()
        self._hands = threading.Thread(target=self._tend, daemon=True)

    def make(self) -> None:
        """Make machines and secrets, and start etcd, HAProxy and PgBouncer."""
        network.run("/bin/sh", DEPLOY / "secrets.sh", self.folder / "secrets")
        network.make_bridge(self.folder)
        for name in (*DATABASES, *SERVERS):
            machine = network.make(name, self.folder, DISKS[name.rstrip("123")])
            self.nodes[name] = Node(machine, self.folder)
        for name in DATABASES:
            self._lay_out_database(self.nodes[name])
        for name in SERVERS:
            self._lay_out_pools(self.nodes[name])
        self._hands.start()

    def _lay_out_database(self, node: Node) -> None:
        given = lines(DEPLOY / "etcd.env.example")
        own = {key: value.replace("db1", node.machine.name) for key, value in given.items()}
        own["ETCD_INITIAL_CLUSTER"] = given["ETCD_INITIAL_CLUSTER"]
        node.add("etcd", "/usr/bin/etcd", user="etcd", environment=own)
        node.machine.write("/etc/patroni/patroni.yml", (DEPLOY / "patroni.yml").read_text())
        for script in ("post_bootstrap.sh", "disk_guard.sh"):
            node.machine.write(f"/etc/patroni/{script}", (DEPLOY / script).read_text())

    def _lay_out_pools(self, node: Node) -> None:
        for program in ("haproxy/haproxy.cfg", "pgbouncer/pgbouncer.ini"):
            text = (DEPLOY / Path(program).name).read_text()
            node.machine.write(f"/etc/{program}", text)
        users = (self.folder / "secrets" / "userlist.txt").read_text()
        node.machine.write("/etc/pgbouncer/userlist.txt", users)
        configuration = "/etc/haproxy/haproxy.cfg"
        node.add("haproxy", "/usr/sbin/haproxy", "-db", "-f", configuration, environment={})
        command = ("/usr/sbin/pgbouncer", "/etc/pgbouncer/pgbouncer.ini")
        node.add("pgbouncer", *command, user="postgres", environment={})

    def patroni_settings(self, name: str) -> dict[str, str]:
        """The environment of Patroni on a machine. A password may contain db1 by chance."""
        given = lines(self.folder / "secrets" / "patroni.env")
        return {
            key: value if "PASSWORD" in key else value.replace("db1", name)
            for key, value in given.items()
        }

    def start_databases(self) -> None:
        """Start Patroni; return when a primary and two standbys are there."""
        for name in DATABASES:
            node, own = self.nodes[name], self.patroni_settings(name)
            command = ("/usr/bin/patroni", "/etc/patroni/patroni.yml")
            node.add("patroni", *command, user="postgres", environment=own)
            guard = ("/bin/sh", "/etc/patroni/disk_guard.sh")
            node.add("disk-guard", *guard, user="postgres", environment=own)
        if not wait_until(lambda: self.is_whole, START_SECONDS):
            raise LauncherError(f"The cluster does not start; logs are in {self.folder}.")

    def start_servers(self) -> None:
        """Prepare the database, and start the servers and the worker; return when they serve."""
        done = self.manage("prepare")
        if done:
            raise LauncherError(f"The database cannot be prepared: {done}")
        python = ("/usr/bin/env", f"--chdir={CHECKOUT}", sys.executable)
        for name in SERVERS:
            node, own = self.nodes[name], self.environment(name)
            node.add("server", *python, "-m", "larder.ops.serve", environment=own)
        worker = (*python, "manage.py", "worker")
        self.nodes["app1"].add("worker", *worker, environment=self.environment("app1"))
        if not wait_until(lambda: all(map(self.is_ready, SERVERS)), START_SECONDS):
            raise LauncherError(f"The servers do not start; logs are in {self.folder}.")

    def environment(self, name: str) -> dict[str, str]:
        """The settings of a server."""
        secrets = self.folder / "secrets"
        return lines(secrets / "server.env") | {
            **lines(secrets / "owner.env"),
            "PATH": PATH,
            "TMPDIR": self._temporary(name),
            "DEMO": "1",
            "REGISTRATION": "open",
            "ALLOWED_HOSTS": network.ADDRESSES[name],
            "DJANGO_SETTINGS_MODULE": "larder.config.settings",
            "HOST": network.ADDRESSES[name],
            "PORT": str(PORT),
            "WORKERS": "1",
            "THREADS": "16",
        }

    def _temporary(self, name: str) -> str:
        folder = self.folder / f"{name}-tmp"
        folder.mkdir(exist_ok=True)
        return str(folder)

    def manage(self, *words: str) -> str:
        """Run a management command on app1; return what it says if it fails."""
        machine = self.nodes["app1"].machine
        python = ("/usr/bin/env", f"--chdir={CHECKOUT}", sys.executable, "manage.py")
        status, printed = network.output(
            machine.command(*python, *words), environment=self.environment("app1")
        )
        return printed[-6000:] if status else ""

    def _tend(self) -> None:
        while not self._over.wait(0.1):
            for node in self.nodes.values():
                node.tend()

    def ask(self, name: str, path: str) -> tuple[int, Any]:
        """Ask Patroni of a node; return status and body, or 0."""
        url = f"http://{network.ADDRESSES[name]}:8008/{path}"
        try:
            with urllib.request.urlopen(url, timeout=PROBE_SECONDS) as answer:
                return answer.status, json.load(answer)
        except (OSError, ValueError):
            return 0, None

    @property
    def primary(self) -> str:
        """The name of the primary, as its Patroni says; empty if there is none."""
        return next((name for name in DATABASES if self.ask(name, "primary")[0] == 200), "")

    @property
    def is_whole(self) -> bool:
        """Whether there are a primary and two standbys that stream, one of them synchronous."""
        primary = self.primary
        _, members = self.ask(primary, "cluster") if primary else (0, None)
        _, state = self.ask(primary, "patroni") if primary else (0, None)
        if not members or not state:
            return False
        roles = sorted(member["role"] for member in members["members"])
        standbys = state.get("replication", [])
        modes = sorted(
            standby["sync_state"] for standby in standbys if standby["state"] == "streaming"
        )
        is_running = all(member["state"] == "running" for member in members["members"])
        expected = ["leader", "replica", "sync_standby"]
        return is_running and modes == ["async", "sync"] and roles == expected

    def is_ready(self, name: str) -> bool:
        """Whether a server is ready."""
        url = f"http://{network.ADDRESSES[name]}:{PORT}/readyz"
        try:
            with urllib.request.urlopen(url, timeout=PROBE_SECONDS) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
