"""Turns among the processes of a server: who has company waits for theirs, and finds more of it.

Two processes that each run a group at the same time run two small groups; one after the other
they run two large ones, and a large group costs less for each of its members (ADR 19). That is an
economy and no promise: rows are guarded by the database, here nobody is held up for long. Who
waited in vain goes on without a turn, a process that dies with its turn gives it back, and one
whose locks end to work does without.
"""

import fcntl
import logging
import os
import select
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path

from larder.common import seats, waits
from larder.common.stopwatch import Stopwatch

logger = logging.getLogger(__name__)

PATIENCE = 0.25
"""Seconds for which a turn is waited for: a turn takes a twentieth of that."""

RETRY = 0.02
"""Seconds after which it is looked whether the turn is free although no bell rang: whoever had it
may have died, or another may have answered the bell."""

AFTER_IN_VAIN = 5.0
"""Seconds for which nobody waits again: a process with a turn stands still."""


SHARE_ONE = 2
"""Processes that take turns with one another: of more, several have theirs at the same time."""


class Turns:
    """Those of a process that waits for no other: it has them always."""

    def turn(self, *, wait: bool) -> AbstractContextManager[None]:
        """For the block, or until it is given back: this one's turn, if it is free, or, with
        `wait`, soon."""
        return nullcontext()

    def give_back(self) -> None:
        """Others may go on. Nothing happens where there is no turn to give back."""


class Turnstile(Turns):
    """One at a time has the turn, of each two that were made with the same folder and name.

    A lock on a file says whose turn it is, for it ends with its process. Nothing waits for such a
    lock with a limit, so who gives a turn back rings a bell (a pipe), which can be waited for.
    For one thread of a process at a time.
    """

    def __init__(self, folder: Path, name: str) -> None:
        """Raises OSError where the folder takes no pipe, or no locks."""
        self._seat, number = seats.take(folder, name)
        door = f"{name}.{number // SHARE_ONE}"
        bell = folder / f"{door}.bell"
        with suppress(FileExistsError):
            os.mkfifo(bell, 0o600)
        self._bell = os.open(bell, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._door = seats.opened(folder / f"{door}.turn")
        self._ringing = select.poll()
        self._ringing.register(self._bell, select.POLLIN)
        self._in_vain: Stopwatch | None = None
        self._has_turn = False
        self._works = True

    @contextmanager
    def turn(self, *, wait: bool) -> Iterator[None]:
        self._has_turn = self._works and self._taken(wait=wait)
        try:
            yield
        finally:
            self.give_back()

    def give_back(self) -> None:
        if not self._has_turn:
            return
        self._has_turn = False
        try:
            fcntl.flock(self._door, fcntl.LOCK_UN)
            # A pipe that is full rings anyway.
            with suppress(BlockingIOError):
                os.write(self._bell, b"!")
        except OSError as error:
            self._give_up(error)

    def _taken(self, *, wait: bool) -> bool:
        try:
            return seats.locked(self._door) or (wait and self._wait())
        except OSError as error:
            self._give_up(error)
            return False

    def _give_up(self, error: OSError) -> None:
        """A file system that is gone costs turns, and no order."""
        self._works = False
        logger.warning("This process takes no turns any more: %s", error)

    def _wait(self) -> bool:
        """Whether it became this one's turn."""
        if self._in_vain is not None and self._in_vain.seconds < AFTER_IN_VAIN:
            return False
        waiting = Stopwatch()
        while waiting.seconds < PATIENCE:
            waits.ready(self._ringing, RETRY)
            self._quieten()
            if seats.locked(self._door):
                self._in_vain = None
                return True
        self._in_vain = Stopwatch()
        return False

    def _quieten(self) -> None:
        """Also of the rings that nobody waited for."""
        with suppress(BlockingIOError):
            os.read(self._bell, 65_536)


_of_this_process: list[Turns] = [Turns()]


def share(folder: str, name: str) -> None:
    """From now on this process takes turns with the others that name this folder; with "" as the
    folder, or where it takes no pipe or locks, with nobody. Before it has several threads."""
    _of_this_process[0] = Turns()
    if not folder:
        return
    try:
        _of_this_process[0] = Turnstile(Path(folder), name)
    except OSError as error:
        logger.warning("Processes do not take turns: %s takes no pipe or locks (%s)", folder, error)


def of_this_process() -> Turns:
    """Its turns with the other processes of this server."""
    return _of_this_process[0]
