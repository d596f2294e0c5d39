"""What processes take of the memory, from /proc (Linux)."""

from __future__ import annotations

from pathlib import Path

from benchmarks.processes import tree


def resident(root: int) -> int:
    """Bytes: the proportional set sizes of all processes below `root`, which is their keeper.

    A page that several of them share counts once, in parts (proc(5), smaps_rollup).
    """
    return sum(_proportional(pid) for pid in tree(root) if pid != root)


def _proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
