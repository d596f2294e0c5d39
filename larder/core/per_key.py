"""Limits of what threads of a process do at once, in all or for each key, such as an account."""

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock, Semaphore
from typing import Literal

from larder.core import waits
from larder.core.errors import Overloaded

LONGEST_WAIT = 5.0
"""Seconds that a thread waits in `limited`, as long as for the lock of a row."""

Waiting = Literal["all", "staff", "large"]
"""Places to wait in: those of all requests, and more that staff, or large changes, have alone."""

_PARTS: dict[Waiting, int] = {"all": 2, "staff": 4, "large": 16}
"""Which part of a process's threads may wait in `limited`: a half, a quarter and a sixteenth."""

_waiting = {one: BoundedSemaphore(32 // part) for one, part in _PARTS.items()}


def use(*, threads: int) -> None:
    """Sets how many threads may wait, so that a few clients cannot keep all of them, and customers
    no place of staff. Called when a process starts."""
    for one, part in _PARTS.items():
        _waiting[one] = BoundedSemaphore(max(1, threads // part))


@contextmanager
def limited(semaphore: Semaphore, *waiting: Waiting) -> Iterator[None]:
    """Holds the semaphore for the block: waits LONGEST_WAIT at most, without a connection, in one
    of the places named.

    Raises Overloaded, at once if all these places are taken.
    """
    if not _acquired(semaphore, waiting or ("all",)):
        raise Overloaded
    try:
        yield
    finally:
        semaphore.release()


@contextmanager
def place_of(places: Semaphore) -> Iterator[None]:
    """Holds one of the places for the block. Raises Overloaded at once if none is left."""
    if not places.acquire(blocking=False):
        raise Overloaded
    try:
        yield
    finally:
        places.release()


class PlacesPerKey:
    """Places for each key, `most` of them. A key without a place takes no memory."""

    def __init__(self, most: int) -> None:
        self._lock = Lock()
        self._most = most
        self._taken: dict[Hashable, int] = {}

    @contextmanager
    def place(self, key: Hashable, places: int = 1) -> Iterator[None]:
        """Holds that many places for the block. Raises Overloaded at once if fewer are left."""
        with self._lock:
            taken = self._taken.get(key, 0) + places
            if taken > self._most:
                raise Overloaded
            self._taken[key] = taken
        try:
            yield
        finally:
            with self._lock:
                taken = self._taken.pop(key) - places
                if taken:
                    self._taken[key] = taken


class RunningPerKey:
    """Lets `most` threads run at once for each key. A key without a thread takes no memory."""

    def __init__(self, most: int = 1) -> None:
        self._lock = Lock()
        self._most = most
        self._present: dict[Hashable, tuple[Semaphore, int]] = {}

    @contextmanager
    def running(self, key: Hashable) -> Iterator[None]:
        """Runs the block while fewer than `most` others run for the key, `limited` by that."""
        semaphore = self._enter(key)
        try:
            with limited(semaphore):
                yield
        finally:
            self._leave(key)

    def _enter(self, key: Hashable) -> Semaphore:
        with self._lock:
            semaphore, threads = self._present.get(key) or (Semaphore(self._most), 0)
            self._present[key] = (semaphore, threads + 1)
        return semaphore

    def _leave(self, key: Hashable) -> None:
        with self._lock:
            semaphore, threads = self._present.pop(key)
            if threads > 1:
                self._present[key] = (semaphore, threads - 1)


def _acquired(semaphore: Semaphore, waiting: Sequence[Waiting]) -> bool:
    waits.check()
    if semaphore.acquire(blocking=False):
        return True
    place = next((one for name in waiting if (one := _waiting[name]).acquire(blocking=False)), None)
    if place is None:
        return False
    try:
        return waits.acquire(semaphore, LONGEST_WAIT)
    finally:
        place.release()
