"""Limits what the threads of a process do at once, in total or for each key (an account)."""

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock, Semaphore
from typing import Literal

from larder.core import waits
from larder.core.errors import Overloaded

LONGEST_WAIT = 5.0
"""Seconds that a thread waits in `limited`, as long as for a row lock."""

Waiting = Literal["all", "staff", "large"]
"""Classes of waiting places: `all` is for every request; `staff` and `large` are reserved for
requests of staff and for large changes."""

_PARTS: dict[Waiting, int] = {"all": 2, "staff": 4, "large": 16}
"""Divisors of the number of threads: a half, a quarter and a sixteenth of the process's threads may
wait in `limited`."""

_waiting = {one: BoundedSemaphore(32 // part) for one, part in _PARTS.items()}


def use(*, threads: int) -> None:
    """Sets how many threads may wait. So a few clients cannot occupy all threads, and customers
    cannot take the places of staff. Called when a process starts."""
    for one, part in _PARTS.items():
        _waiting[one] = BoundedSemaphore(max(1, threads // part))


@contextmanager
def limited(semaphore: Semaphore, *waiting: Waiting) -> Iterator[None]:
    """Holds the semaphore for the block. Waits for it up to LONGEST_WAIT, without a connection, in
    a place of one of the classes `waiting`.

    Raises Overloaded: at once if all these places are taken, or after the wait.
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
    """Limits the places of each key to `most`. A key without a place in use takes no memory."""

    def __init__(self, most: int) -> None:
        self._lock = Lock()
        self._most = most
        self._taken: dict[Hashable, int] = {}

    @contextmanager
    def place(self, key: Hashable, places: int = 1) -> Iterator[None]:
        """Holds `places` places for the block. Raises Overloaded at once if fewer are free."""
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
    """Limits the threads that run at once for each key. A key without a thread takes no memory."""

    def __init__(self, most: int = 1) -> None:
        self._lock = Lock()
        self._most = most
        self._present: dict[Hashable, tuple[Semaphore, int]] = {}

    @contextmanager
    def running(self, key: Hashable, *waiting: Waiting) -> Iterator[None]:
        """Runs the block while fewer than `most` other threads run for the key. Waits as `limited`
        does, and raises Overloaded as it does."""
        semaphore = self._enter(key)
        try:
            with limited(semaphore, *waiting):
                yield
        finally:
            self._leave(key)

    @contextmanager
    def if_free(self, key: Hashable) -> Iterator[bool]:
        """Runs the block as one of the threads of the key if fewer than `most` run. Yields whether
        it does. Never waits."""
        semaphore = self._enter(key)
        is_free = semaphore.acquire(blocking=False)
        try:
            yield is_free
        finally:
            if is_free:
                semaphore.release()
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
