"""CPU time and memory of whole process trees, from /proc (Linux)."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class _Stat:
    """`spent`: seconds of CPU, its own and that of ended children it has waited for."""

    parent: int
    spent: float


def _stat(pid: int) -> _Stat | None:
    """None for a process that has just ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, in parentheses, may hold spaces and parentheses itself.
    fields = text.rpartition(")")[2].split()
    return _Stat(int(fields[1]), sum(int(field) for field in fields[11:15]) / TICKS_A_SECOND)


def tree(root: int) -> dict[int, float]:
    """Seconds of CPU by process id: `root` and its living descendants, parents first."""
    stats = {}
    children = defaultdict(list)
    for pid in [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]:  # noqa: PTH208
        stat = _stat(pid)
        if stat is not None:
            stats[pid] = stat
            children[stat.parent].append(pid)
    found, waiting = {}, [root] if root in stats else []
    while waiting:
        pid = waiting.pop()
        found[pid] = stats[pid].spent
        waiting += children[pid]
    return found


def cpu_seconds(root: int) -> float:
    """CPU time of a tree since it began, that of its ended processes included."""
    return sum(tree(root).values())


def machine_busy_seconds() -> float:
    """CPU time of everything that runs on this machine, over all cores."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    user, nice, system, _idle, _wait, interrupts, soft = (int(field) for field in fields[1:8])
    return (user + nice + system + interrupts + soft) / TICKS_A_SECOND


def peak_memory(root: int) -> int:
    """Bytes: the peaks (VmHWM) of a tree's processes added up, shared memory counted once.

    A process's peak counts the pages it shares as its own; without this, PostgreSQL's buffers
    would count once for each of its connections.
    """
    private, shared = 0, [0]
    for pid in tree(root):
        sizes = _sizes(pid)
        common = sizes.get("RssShmem", 0) + sizes.get("RssFile", 0)
        private += max(0, sizes.get("VmHWM", 0) - common)
        shared.append(common)
    return private + max(shared)


def resident(pid: int) -> int:
    """Bytes of a process in memory now, with what it shares; 0 when it is gone."""
    return _sizes(pid).get("VmRSS", 0)


def _sizes(pid: int) -> dict[str, int]:
    """The memory figures of /proc/PID/status, in bytes."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    parts = [line.split() for line in lines if line.endswith(" kB")]
    return {name.rstrip(":"): int(size) * 1024 for name, size, _ in parts}
