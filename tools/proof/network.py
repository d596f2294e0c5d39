"""Machines as network and mount namespaces: each has an address, a hosts file and empty folders.

All are inside a network, mount and process namespace of the drill itself: when the drill ends, in
whatever way, the kernel ends every process in it, and no interface, mount or file is left.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from larder.local.terminal import LauncherError

INSIDE = "LARDER_CLUSTER_NAMESPACE"
NETWORK = "10.77.0"
NAMES = ("db1", "db2", "db3", "app1", "app2")
ADDRESSES = {name: f"{NETWORK}.{number}" for number, name in enumerate(NAMES, 1)}
OWN = f"{NETWORK}.254"
HOSTS = "127.0.0.1 localhost\n" + "".join(f"{ip} {name}\n" for name, ip in ADDRESSES.items())


def is_inside() -> bool:
    """Return whether this process is in namespaces of its own."""
    return bool(os.environ.get(INSIDE))


def run_inside(words: Sequence[str]) -> int:
    """Run a program of this Python in namespaces of its own; return its status. Raises
    LauncherError."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise LauncherError("Namespaces of the network need Linux and root.")
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    # The first process in there reaps those whose parents were killed: to Patroni a zombie runs.
    reaper = ["/bin/bash", "-c", '"$@"; exit $?', "drill"]
    with tempfile.TemporaryDirectory(prefix="larder-cluster-") as folder:
        Path(folder).chmod(0o711)
        environment = os.environ | {INSIDE: "1", "TMPDIR": folder}
        child = subprocess.Popen([*command, *reaper, sys.executable, *words], env=environment)
        # unshare itself blocks SIGTERM. With its end the kernel ends all that is in there.
        signal.signal(signal.SIGTERM, lambda *_: child.kill())
        signal.signal(signal.SIGINT, lambda *_: None)
        status = child.wait()
    return status if status >= 0 else 128 - status


def run(*command: str | Path) -> str:
    """Run a command and return what it prints. Raises LauncherError."""
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        raise LauncherError(f"{' '.join(map(str, command))}: {process.stderr.strip()}")
    return process.stdout


def output(command: Sequence[str], environment: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run a command; return its status and all that it prints."""
    process = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    return process.returncode, (process.stdout + process.stderr).strip()


def pids() -> list[int]:
    """All processes, those of the drill included, in order."""
    return sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def network_id(pid: int) -> str:
    """Return what identifies the network of a process; empty if it is gone."""
    try:
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    except OSError:
        return ""


def make_bridge(folder: Path) -> None:
    """Make the switch that connects all machines, and the hosts file."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "switch", "type", "bridge")
    run("ip", "address", "add", f"{OWN}/24", "dev", "switch")
    run("ip", "link", "set", "switch", "up")
    (folder / "hosts").write_text(HOSTS)


@dataclass
class Machine:
    """A machine. `disks`: folders that get separate file systems."""

    name: str
    folder: Path
    holder: subprocess.Popen[str]

    @property
    def address(self) -> str:
        """Its address."""
        return ADDRESSES[self.name]

    @property
    def network_id(self) -> str:
        """What identifies its network."""
        return network_id(self.holder.pid)

    def command(self, *words: str | Path, user: str = "") -> list[str]:
        """Return a command line that runs `words` on this machine."""
        inside = ["/usr/bin/nsenter", "--net", "--mount", f"--target={self.holder.pid}", "--"]
        as_user = [f"--reuid={user}", f"--regid={user}", "--init-groups", "--"] if user else []
        return [*inside, *(["/usr/bin/setpriv", *as_user] if user else []), *map(str, words)]

    def run(self, *words: str | Path) -> str:
        """Run a command on this machine and return what it prints. Raises LauncherError."""
        return run(*self.command(*words))

    def write(self, path: str, text: str) -> None:
        """Write a file of this machine, readable for its programs."""
        process = subprocess.run(
            self.command("/bin/sh", "-c", f"cat >{path} && chmod 644 {path}"),
            input=text,
            text=True,
            check=False,
        )
        if process.returncode:
            raise LauncherError(f"{path} cannot be written on {self.name}.")

    def cut(self, others: Iterable[str], *, sends: bool = True, receives: bool = True) -> None:
        """Drop packets to and from others, in one direction or both, until `join`."""
        addresses = ", ".join(ADDRESSES[name] for name in others)
        out = chain("output", f"ip daddr {{ {addresses} }}") if sends else ""
        into = chain("input", f"ip saddr {{ {addresses} }}") if receives else ""
        self._filter(f"table ip cut {{\n{out}{into}}}\n")

    def join(self) -> None:
        """Let all packets through again."""
        self._filter("table ip cut\ndelete table ip cut\n")

    def _filter(self, rules: str) -> None:
        """Load rules of the packet filter."""
        process = subprocess.run(
            self.command("/usr/sbin/nft", "-f", "-"),
            input=rules,
            text=True,
            capture_output=True,
            check=False,
        )
        if process.returncode:
            raise LauncherError(f"nft: {process.stderr.strip()}")


def chain(hook: str, which: str) -> str:
    """Return a chain of the packet filter that drops packets."""
    return f"chain {hook} {{\ntype filter hook {hook} priority 0\n{which} drop\n}}\n"


def make(name: str, folder: Path, disks: Sequence[tuple[str, str]]) -> Machine:
    """Make a machine. `disks`: mount points that become empty, and options of their file system."""
    script = "\n".join(
        [
            "set -e",
            f"mount --bind {folder}/hosts /etc/hosts",
            *(f"mount -t tmpfs -o {options} tmpfs {path}" for path, options in disks),
            "ip link set lo up",
            "echo ready",
            "exec sleep infinity",
        ]
    )
    holder = subprocess.Popen(
        ["unshare", "--net", "--mount", "--propagation=private", "sh", "-c", script],
        stdout=subprocess.PIPE,
        text=True,
    )
    if holder.stdout is None or holder.stdout.readline() != "ready\n":
        raise LauncherError(f"The machine {name} cannot be made.")
    machine = Machine(name, folder, holder)
    run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(holder.pid))
    run("ip", "link", "set", name, "master", "switch", "up")
    machine.run("/usr/sbin/ip", "address", "add", f"{machine.address}/24", "dev", "eth0")
    machine.run("/usr/sbin/ip", "link", "set", "eth0", "up")
    return machine
