"""Limits what the threads of a process do at once, in total or for each key (an account)."""

from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock, Semaphore
from typing import Literal

from larder.core import waits
from larder.core.errors import Overloaded
from larder.core.shares import Waiter, WaitingList, holders

LONGEST_WAIT = 5.0
"""Seconds that a thread waits in `limited`, as long as for a row lock."""

Waiting = Literal["all", "staff", "large"]
"""Classes of waiting places: `all` is for every request; `staff` and `large` are reserved for
requests of staff and for large changes."""

_PARTS: dict[Waiting, int] = {"all": 2, "staff": 4, "large": 16}
"""Divisors of the number of threads: a half, a quarter and a sixteenth of the process's threads may
wait in `limited`."""

_lock = Lock()
_lists: dict[str, WaitingList] = {one: WaitingList(32 // part) for one, part in _PARTS.items()}


def use(*, threads: int) -> None:
    """Sets how many threads may wait. So a few clients cannot occupy all threads, and customers
    cannot take the places of staff. Called when a process starts."""
    for one, part in _PARTS.items():
        _lists[one] = WaitingList(max(1, threads // part))


class Limit:
    """Limits the threads that run at once to `most`. The thread of the account that has the fewest
    waiting places is next, and of these the one that has waited longest."""

    def __init__(self, most: int = 1) -> None:
        self._free = most
        self._waiting: deque[Waiter] = deque()

    def take(self) -> bool:
        """Returns whether the thread may run. Never waits."""
        with _lock:
            is_free = self._free > 0
            self._free -= is_free
        return is_free

    def enter(self, classes: Sequence[Waiting]) -> Waiter:
        """Returns the waiter of the thread, which may run at once if another has just ended.

        Raises Overloaded if no place is free or can be taken from a larger holder.
        """
        with _lock:
            for one in sorted(classes, key=lambda one: _lists[one].places == 0):
                waiter = Waiter(one, holders())
                if _lists[one].enter(waiter):
                    _lists[one].waiting.append(waiter)
                    self._waiting.append(waiter)
                    self._pass_on()
                    return waiter
        raise Overloaded

    def leave(self, waiter: Waiter | None = None) -> None:
        """Ends the run of a thread, or its wait."""
        with _lock:
            if waiter is None or waiter.may_run:
                self._free += 1
                self._pass_on()
                return
            with suppress(ValueError):
                self._waiting.remove(waiter)
            if not waiter.is_lost:
                self._leave_list(waiter)

    def _pass_on(self) -> None:
        while self._free and self._waiting:
            waiter = min(self._waiting, key=lambda one: _lists[one.waiting_list].largest(one))
            self._waiting.remove(waiter)
            if not waiter.is_lost:
                self._free -= 1
                self._leave_list(waiter)
                waiter.woken.set()

    def _leave_list(self, waiter: Waiter) -> None:
        waiting_list = _lists[waiter.waiting_list]
        waiting_list.waiting.remove(waiter)
        waiting_list.leave(waiter)


@contextmanager
def limited(limit: Limit, *waiting: Waiting) -> Iterator[None]:
    """Runs the block within the limit. Waits up to LONGEST_WAIT, without a connection, in a place
    of one of the classes `waiting`. These places are shared by their holders (shares.py).

    Raises Overloaded: at once if no place is free or can be taken from a larger holder, when
    another thread takes the place, or after the wait.
    """
    waits.check()
    waiter = None if limit.take() else limit.enter(waiting or ("all",))
    try:
        if waiter is not None:
            waits.wait(waiter.woken, LONGEST_WAIT)
            if not waiter.may_run:
                raise Overloaded
        yield
    finally:
        limit.leave(waiter)


@contextmanager
def hold_slot(slots: Semaphore) -> Iterator[None]:
    """Holds one of the slots for the block. Raises Overloaded at once if none is left."""
    if not slots.acquire(blocking=False):
        raise Overloaded
    try:
        yield
    finally:
        slots.release()


class SlotsPerKey:
    """Limits the slots of each key to `most`. A key without a slot in use takes no memory."""

    def __init__(self, most: int) -> None:
        self._lock = Lock()
        self._most = most
        self._taken: dict[Hashable, int] = {}

    @contextmanager
    def hold(self, key: Hashable, slots: int = 1) -> Iterator[None]:
        """Holds `slots` slots for the block. Raises Overloaded at once if fewer are free."""
        with self._lock:
            taken = self._taken.get(key, 0) + slots
            if taken > self._most:
                raise Overloaded
            self._taken[key] = taken
        try:
            yield
        finally:
            with self._lock:
                taken = self._taken.pop(key) - slots
                if taken:
                    self._taken[key] = taken


class RunningPerKey:
    """Limits the threads that run at once for each key. A key without a thread takes no memory."""

    def __init__(self, most: int = 1) -> None:
        self._lock = Lock()
        self._most = most
        self._present: dict[Hashable, tuple[Limit, int]] = {}

    @contextmanager
    def running(self, key: Hashable, *waiting: Waiting) -> Iterator[None]:
        """Runs the block while fewer than `most` other threads run for the key. Waits as `limited`
        does, and raises Overloaded as it does."""
        limit = self._enter(key)
        try:
            with limited(limit, *waiting):
                yield
        finally:
            self._leave(key)

    @contextmanager
    def if_free(self, key: Hashable) -> Iterator[bool]:
        """Runs the block as one of the threads of the key if fewer than `most` run. Yields whether
        it does. Never waits."""
        limit = self._enter(key)
        is_free = limit.take()
        try:
            yield is_free
        finally:
            if is_free:
                limit.leave()
            self._leave(key)

    def _enter(self, key: Hashable) -> Limit:
        with self._lock:
            limit, threads = self._present.get(key) or (Limit(self._most), 0)
            self._present[key] = (limit, threads + 1)
        return limit

    def _leave(self, key: Hashable) -> None:
        with self._lock:
            limit, threads = self._present.pop(key)
            if threads > 1:
                self._present[key] = (limit, threads - 1)
