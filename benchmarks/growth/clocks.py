"""CPU time of a shop's processes, to the microsecond: a page costs PostgreSQL less than one tick
of what /proc/PID/stat counts in."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass

import psycopg

from benchmarks import processes
from benchmarks.growth.shops import Shop

WHOLE_PROCESS = 2
"""CPUCLOCK_SCHED in Linux's include/linux/posix-timers_types.h: all threads, the ended ones too."""

CONNECTIONS = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND backend_type = %s"


@dataclass(frozen=True, slots=True)
class Cpu:
    """Seconds of CPU: of the application, and of PostgreSQL's processes that serve it."""

    application: float
    postgresql: float

    def __sub__(self, other: Cpu) -> Cpu:
        return Cpu(self.application - other.application, self.postgresql - other.postgresql)

    def __add__(self, other: Cpu) -> Cpu:
        return Cpu(self.application + other.application, self.postgresql + other.postgresql)


def cpu_seconds(pid: int) -> float:
    """What a process has spent so far. Raises OSError when there is none.

    Source: clock_getcpuclockid(3), whose number is made of the process id like this.
    """
    return time.clock_gettime(~pid << 3 | WHOLE_PROCESS)


class Clocks:
    """Reads what one shop has cost. What PostgreSQL does for all (the writer of its log, the
    checkpointer) belongs to no shop and is not in it."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._application: dict[int, float] = dict.fromkeys(processes.tree(shop.server.pid), 0.0)
        self._postgresql: dict[int, float] = {}

    def find_connections(self) -> None:
        """Looks which connections there are now. Not between two readings that are compared."""
        with psycopg.connect(self._shop.cluster.superuser_url()) as connection:
            asked = [self._shop.extent.database, "client backend"]
            found = connection.execute(CONNECTIONS, asked).fetchall()
        self._postgresql = {int(pid): 0.0 for (pid,) in found}

    def read(self) -> Cpu:
        """Seconds so far."""
        return Cpu(_read(self._application), _read(self._postgresql))


def _read(seen: dict[int, float]) -> float:
    """A process that has ended keeps what it was last seen with."""
    for pid in seen:
        with suppress(OSError):
            seen[pid] = cpu_seconds(pid)
    return sum(seen.values())
