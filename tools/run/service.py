"""A long-running child of the supervisor, started again when it ends."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.processes import Keeping, Kept, LogFile

STOP_STEPS = (("TERM", 5.0),)
LONGEST_PAUSE_SECONDS = 5.0
# What ran for this long had started well: its end is the first, and nothing to wait for.
STEADY_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 0.1


@dataclass
class BackOff:
    """Pauses between starts: short at first, doubled each time up to LONGEST_PAUSE_SECONDS."""

    pause: float = 0.0
    due: float = 0.0

    def ended(self, now: float, *, ran_for: float) -> float:
        """Set the time of the next start; return the pause in seconds."""
        again = self.pause > 0 and ran_for < STEADY_SECONDS
        self.pause = min(self.pause * 2, LONGEST_PAUSE_SECONDS) if again else FIRST_PAUSE_SECONDS
        self.due = now + self.pause
        return self.pause


@dataclass
class Service:
    """One command whose output goes to a separate log file. `stop` is as for Keeping."""

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str]
    log: LogFile
    stop: Sequence[tuple[str, float]] = STOP_STEPS
    _kept: Kept | None = None
    _started: float = 0.0
    _back_off: BackOff = field(default_factory=BackOff)

    def start(self) -> None:
        """Start the command."""
        with self.log.path.open("ab") as output:
            self._kept = Kept(
                self.command,
                Keeping(self.stop),
                environment=self.environment,
                output=output,
            )
        self._started = time.monotonic()

    @property
    def running(self) -> bool:
        """Whether the command runs."""
        return self._kept is not None and self._kept.status is None

    @property
    def status(self) -> int | None:
        """None while the command runs or has not been started, afterwards its exit status."""
        return self._kept.status if self._kept is not None else None

    def tend(self) -> str | None:
        """Notice an end, start again when it is time; return a line for the terminal."""
        if self.running:
            return None
        now = time.monotonic()
        if self._kept is not None:
            status, self._kept = self._kept.close(), None
            pause = self._back_off.ended(now, ran_for=now - self._started)
            return (
                f"The {self.name} ended with status {status}; next start in {pause:.1f} s "
                f"(log: {self.log.path})."
            )
        if now >= self._back_off.due:
            self.start()
        return None

    def order_stop(self) -> None:
        """Begin to stop without waiting."""
        if self._kept is not None:
            self._kept.order_stop()

    def close(self) -> None:
        """Stop and wait."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None
