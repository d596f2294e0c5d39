"""Places of a process that accounts and networks share. One holder can have all places. When others
request places, each gets an equal share (McKenney, Stochastic Fairness Queueing, 1990)."""

from collections import Counter, deque
from collections.abc import Collection, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Event

_holders: ContextVar[Collection[Hashable]] = ContextVar("holders", default=())


@contextmanager
def held_by(*holders: Hashable) -> Iterator[None]:
    """Names the account, or the account and the networks, for which the block takes places."""
    before = _holders.set(holders)
    try:
        yield
    finally:
        _holders.reset(before)


def holders() -> Collection[Hashable]:
    """Returns the holders of the places that this thread takes. Places without one are not lost."""
    return _holders.get()


@dataclass(eq=False, slots=True)
class Waiter:
    """A thread in the waiting list of this name; the account and networks that hold its place."""

    waiting_list: str
    holders: Collection[Hashable]
    woken: Event = field(default_factory=Event)
    """Set when a waiting thread may run, or when its place `is_lost` to another thread."""
    is_lost: bool = False

    @property
    def may_run(self) -> bool:
        return self.woken.is_set() and not self.is_lost


@dataclass(slots=True)
class WaitingList:
    """The state of a waiting list: free `places`, the number `held` by each holder, and the threads
    that are `waiting`. The caller holds a lock."""

    places: int
    held: Counter[Hashable] = field(default_factory=Counter)
    waiting: deque[Waiter] = field(default_factory=deque)

    def enter(self, waiter: Waiter) -> bool:
        """Takes a place if one is free or can be taken from a larger holder. Returns whether."""
        if not self.places:
            self._displace(than=self.largest(waiter) + 1)
        if not self.places:
            return False
        self.places -= 1
        self.held.update(waiter.holders)
        return True

    def leave(self, waiter: Waiter) -> None:
        """Gives the place back, unless it was lost."""
        if not waiter.is_lost:
            self.places += 1
            self.held.subtract(waiter.holders)
            self.held = +self.held

    def largest(self, waiter: Waiter) -> int:
        """Returns the number of places of its largest holder. The waiter with the smallest number
        is the next to run, so nothing waits behind all places of another account."""
        return max((self.held[one] for one in waiter.holders), default=0)

    def _displace(self, than: int) -> None:
        """Frees the newest waiter of the largest holder if that has more than `than` places.

        So a single account or network can have all places, and several ones get equal shares.
        """
        last = max(reversed(self.waiting), key=self.largest, default=None)
        if last is None or self.largest(last) <= than:
            return
        self.waiting.remove(last)
        self.leave(last)
        last.is_lost = True
        last.woken.set()
