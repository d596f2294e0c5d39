"""Containers without an engine: processes of the image, shut in by contained.sh."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.errors import LauncherError
from tools.image.buildah import Image
from tools.processes import children, send

CONTAINED = Path(__file__).with_name("contained.sh")
LONGEST_SECONDS = 120
SHOWN_LINES = 20


@dataclass(frozen=True, slots=True)
class Containers:
    """An image, the environment it is given, and the folder with PostgreSQL's socket."""

    image: Image
    environment: Mapping[str, str]
    sockets: Path

    def run(self, *command: str) -> str:
        """What a command of the image prints. Raises LauncherError if it fails."""
        done = subprocess.run(
            self._shut_in(command),
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            shown = "\n".join((done.stdout + done.stderr).splitlines()[-SHOWN_LINES:])
            raise LauncherError(f"Read why {' '.join(command)} failed:\n{shown}")
        return done.stdout

    @contextmanager
    def started(self, log: Path, command: Sequence[str] = ()) -> Iterator[Container]:
        """A long-running process, by default the image's own; killed if the block leaves it."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                self._shut_in(command or self.image.command),
                env=self._environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        container = Container(process, log)
        try:
            yield container
        finally:
            container.kill()

    def _shut_in(self, command: Sequence[str]) -> list[str]:
        image = self.image
        return [
            *("unshare", "--fork", "--pid", "--mount", "sh", str(CONTAINED)),
            *(str(image.tree), image.user, image.folder, str(self.sockets)),
            *command,
        ]

    def _environment(self) -> dict[str, str]:
        return dict(one.split("=", 1) for one in self.image.environment) | dict(self.environment)


@dataclass(frozen=True, slots=True)
class Container:
    """A process of the image, and what is around it."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def first(self) -> int | None:
        """Process 1 of the container, by its number out here; None if it is gone."""
        return next(iter(children(self.process.pid)), None)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.poll() is None

    def stop(self, seconds: float) -> int:
        """TERM to process 1; return its status. Raises LauncherError when it takes longer."""
        self._send(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise LauncherError(f"The container still runs. Read its log:{self.output()}") from None

    def kill(self) -> None:
        """End it, and with its process 1 everything in it."""
        self._send(signal.SIGKILL)
        self.process.kill()
        self.process.wait()

    def _send(self, number: int) -> None:
        if (first := self.first) is not None:
            send(first, number)

    def output(self) -> str:
        """The end of its log, for an error."""
        lines = self.log.read_text(errors="replace").splitlines()[-SHOWN_LINES:]
        return "".join(f"\n  | {line}" for line in lines)
