"""One service as a process: started, asked how it is, ended."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from tools import kept
from tools.errors import LauncherError
from tools.kept import Keeping, Kept
from tools.logfile import LogFile
from tools.processes import children, send
from tools.run.service import Service as Tended
from tools.stack import compose
from tools.stack.places import Place
from tools.stack.programs import Programs

HEALTH_SECONDS = 5.0
SHOWN_LINES = 15


class Process:
    """A service of compose.yaml in its place. `tend` starts it again when it has ended."""

    def __init__(self, service: compose.Service, place: Place, programs: Programs) -> None:
        self.name = service.name
        self.service = service
        self.address = place.address
        self._place = place
        self._programs = programs
        identity = programs.unprivileged
        drops = service.unprivileged and os.geteuid() == 0
        self._identity = identity.options if drops else ()
        self._owner = (identity.uid, identity.gid) if drops else (os.geteuid(), os.getegid())
        self.log = LogFile(place.root.with_suffix(".log"))
        self._tended: Tended | None = None
        # Held while it is started anew or taken away: stack.py tends in a separate thread.
        self._hands = Lock()
        self._found_healthy: int | None = None

    def furnish(self) -> None:
        """Lay out its files."""
        self._place.furnish(self._owner)

    def start(self) -> None:
        """Lay out its files and start it."""
        self.furnish()
        # A service that runs as another user opens its log by name, as /dev/stdout.
        self.log.path.touch()
        self.log.path.chmod(0o666)
        self.log.begin()
        tended = Tended(
            name=self.name,
            command=self._here(self.service.command),
            environment=self.environment,
            log=self.log,
            stop=(self.service.stop,),
            identity=self._identity,
        )
        tended.start()
        self._tended = tended

    @property
    def files(self) -> list[Path]:
        """The files that compose.yaml mounts, as they lie here."""
        return [path for path in self._place.root.rglob("*") if path.is_file()]

    @property
    def environment(self) -> dict[str, str]:
        """What compose.yaml says, and the little that a container has."""
        given = {name: self._place.render(one) for name, one in self.service.environment.items()}
        temporary = str(self._place.root / "tmp") if "/tmp" in self.service.folders else "/tmp"  # noqa: S108
        return {
            "PATH": self._programs.path,
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "TMPDIR": temporary,
            "PYTHONUNBUFFERED": "1",
            **given,
        }

    def run(self, *command: str, environment: dict[str, str] | None = None) -> str:
        """Run another command as this service, to its end; return what it printed.

        LauncherError when it fails.
        """
        status, printed = kept.run(
            self._here(command),
            identity=self._identity,
            environment=self.environment | (environment or {}),
        )
        if status != 0:
            raise LauncherError(f"Read why this failed: {' '.join(command)}\n{printed}")
        return printed

    def _here(self, command: Sequence[str]) -> list[str]:
        program, *arguments = map(self._place.render, command)
        return [self._programs.find(program), *arguments]

    @property
    def started(self) -> bool:
        """Whether it was started, and neither stopped nor has it come to its end."""
        return self._tended is not None

    @property
    def done(self) -> bool:
        """Whether a service that runs once has run. LauncherError when it has failed."""
        status = self._tended.status if self._tended is not None else None
        if status:
            raise self.failure(f"{self.name} ended with status {status}")
        return status == 0

    @property
    def healthy(self) -> bool:
        """Whether what runs now has passed its health check since it was started or signalled."""
        running = self._tended.pid if self._tended is not None else None
        if running is None:
            return False
        if running != self._found_healthy and (not self.service.health or self.answers()):
            self._found_healthy = running
        return running == self._found_healthy

    def answers(self) -> bool:
        """Whether its health check passes now."""
        check = Kept(
            self._here(self.service.health),
            Keeping(identity=self._identity),
            environment=self.environment,
            output=subprocess.DEVNULL,
        )
        with check:
            try:
                return check.wait(HEALTH_SECONDS) == 0
            except subprocess.TimeoutExpired:
                return False

    def tend(self) -> str | None:
        """Start it again if it has ended; return a line for the terminal."""
        with self._hands:
            if self._tended is None or self.service.once:
                return None
            return self._tended.tend()

    @property
    def pid(self) -> int:
        """Its first process, as 1 is in a container."""
        keeper = self._tended.pid if self._tended is not None else None
        running = children(keeper) if keeper is not None else []
        if not running:
            raise LauncherError(f"Start {self.name}: it does not run.")
        return running[0]

    def signal(self, number: int) -> None:
        """Send its first process a signal; -9 ends all of it, as in a container."""
        send(self.pid, number)
        self._found_healthy = None

    def order_stop(self) -> None:
        """Begin to stop without waiting."""
        if self._tended is not None:
            self._tended.order_stop()

    def stop(self) -> None:
        """Stop it and wait; it is not started again by itself."""
        with self._hands:
            ending, self._tended = self._tended, None
        if ending is not None:
            ending.close()

    def failure(self, sentence: str) -> LauncherError:
        """The error, with the end of the log below the sentence."""
        lines = self.log.tail(SHOWN_LINES).splitlines() or ["(nothing)"]
        shown = "\n".join(f"  {self.name} | {line}" for line in lines)
        return LauncherError(f"{sentence}. Read the end of {self.log.path}:\n{shown}")
