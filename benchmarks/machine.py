"""What the figures were measured on: without it a number means nothing."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from larder.local import programs

PACKAGES = ("Django", "djangorestframework", "granian", "psycopg", "msgspec")


@dataclass(frozen=True, slots=True)
class Machine:
    """`filesystem` is the one PostgreSQL's data lie on: a commit waits for it."""

    cores: int
    processor: str
    memory_gib: float
    kernel: str
    filesystem: str
    python: str
    postgresql: str
    packages: str


def describe(data: Path) -> Machine:
    """This machine, with PostgreSQL's data in the folder `data`."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        processor=_processor(),
        memory_gib=round(pages * size / 2**30, 1),
        kernel=platform.release(),
        filesystem=_filesystem(data),
        python=platform.python_version(),
        postgresql=programs.version(),
        packages=", ".join(f"{name} {version(name)}" for name in PACKAGES),
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _filesystem(folder: Path) -> str:
    """The type of the mount that holds a folder: the one with the longest matching path."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    holding = [(place, kind) for place, kind in mounts if folder.resolve().is_relative_to(place)]
    return max(holding, key=lambda mount: len(mount[0]))[1]
