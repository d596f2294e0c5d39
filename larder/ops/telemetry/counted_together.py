"""Counters that the processes of one server share, in files of PROMETHEUS_MULTIPROC_DIR.

The library names its files by process id, so each replaced worker leaves files behind. It also
allocates no blocks before a write (larder/core/reserved.py). These files are named by the worker's
number, which its successor takes over with all counts, and their blocks are allocated.
"""

import logging
import os
import struct
from contextlib import suppress
from mmap import mmap
from pathlib import Path
from typing import Any

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

from larder.core import reserved
from larder.ops.serving.worker_slots import locked_if_free, take

logger = logging.getLogger(__name__)

NAME = "metrics"
FIRST_BYTES = 65_536
_open: list[int] = []
"""The lock file of this process's number. It stays open until the process ends."""


class Counts(MmapedDict):
    """Values by key, in a mapped file; in the memory of this process if the disk is full."""

    _f: Any
    _m: Any
    _capacity: int
    _used: int

    def __init__(self, filename: str, read_mode: bool = False) -> None:  # noqa: FBT001, FBT002
        try:
            if not Path(filename).exists():
                reserved.make(Path(filename), FIRST_BYTES)
            super().__init__(filename, read_mode)  # type: ignore[no-untyped-call]
        except OSError as error:
            self._fname, self._positions, self._f = filename, {}, None
            self._capacity, self._used = FIRST_BYTES, 8
            self._m = bytearray(self._capacity)
            struct.pack_into("i", self._m, 0, self._used)
            self._warn(error)

    def _init_value(self, key: str) -> None:
        length = 4 + len(key.encode()) + 8 + 16
        while self._used + length > self._capacity:
            self._grow()
        super()._init_value(key)  # type: ignore[no-untyped-call]

    def _grow(self) -> None:
        longer = 2 * self._capacity
        if self._f is not None:
            try:
                reserved.reserve(self._f.fileno(), self._capacity, longer)
                self._m = mmap(self._f.fileno(), longer)
            except OSError as error:
                self._leave_file(error)
        if self._f is None:
            self._m += bytes(longer - self._capacity)
        self._capacity = longer

    def _leave_file(self, error: OSError) -> None:
        """Continue in memory. The counts in the file stay in the sums of all processes."""
        self._m = bytearray(self._m)
        self._f.close()
        self._f = None
        self._warn(error)

    def _warn(self, error: OSError) -> None:
        logger.warning(
            "New counts of this process are missing from /metrics: %s. Make room in the folder of"
            " the metrics, then restart the server.",
            error,
        )


def prepare(folder: str) -> None:
    """Count all metrics in this folder. Call it before the first metric is made."""
    values.MmapedDict = Counts  # type: ignore[attr-defined]
    number = _number(Path(folder))
    values.ValueClass = values.MultiProcessValue(lambda: number)  # type: ignore[no-untyped-call]


def _number(folder: Path) -> str:
    """Return the worker's number; if the folder does not support locks, a text without a number."""
    try:
        slot, number = take(folder, NAME)
    except OSError as error:
        logger.warning(
            "This process counts under its process id, because %s has no locks: %s. Choose a"
            " folder on a local disk.",
            folder,
            error,
        )
        return f"process{os.getpid()}"
    _open[:] = [slot]
    for state in folder.glob(f"gauge_live*_{number}.db"):
        # Counts of the former worker with this number continue, its gauges are deleted.
        state.unlink(missing_ok=True)
    return str(number)


def forget_ended(folder: Path) -> None:
    """Delete the gauges of workers that have ended without a successor. Their counts stay."""
    for file in folder.glob("gauge_live*_*.db"):
        number = file.stem.rpartition("_")[2]
        if number.isdigit():
            # No new worker takes the number while it is locked here.
            with suppress(OSError), locked_if_free(folder, NAME, int(number)) as is_free:
                if is_free:
                    file.unlink(missing_ok=True)
