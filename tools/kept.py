"""A command that never outlives its launcher, seen from the launcher's side."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

KEEPER = Path(__file__).with_name("keeper.py")
MARGIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Keeping:
    """How a command is kept.

    `stop` lists (signal name without SIG, seconds of grace); SIGKILL follows the last one.
    `identity` are keeper options such as `--namespace`.
    """

    stop: Sequence[tuple[str, float]] = (("TERM", 5.0),)
    identity: Sequence[str] = ()


class Kept:
    """Starts `command` under keeper.py; close() or the launcher's own death stops it.

    `output` takes standard output and
    error; None leaves them on the terminal. `folder` is where it runs, instead of here. The
    absolute path of the program comes first.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        keeping: Keeping = Keeping(),
        *,
        environment: Mapping[str, str] | None = None,
        output: IO[bytes] | int | None = None,
        folder: Path | None = None,
    ) -> None:
        self._patience = sum(seconds for _, seconds in keeping.stop) + MARGIN_SECONDS
        steps = [f"--stop={name}:{seconds}" for name, seconds in keeping.stop]
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", KEEPER, *steps, *keeping.identity, "--", *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The keeper's process id; the command is its only child."""
        return self._keeper.pid

    @property
    def status(self) -> int | None:
        """None while the command runs, afterwards its exit status."""
        return self._keeper.poll()

    def read(self) -> str:
        """Return everything the command prints, for `output=subprocess.PIPE`.

        Not communicate(): that closes standard input first, which is the life line.
        """
        if self._keeper.stdout is None:
            return ""
        with self._keeper.stdout as stream:
            return bytes(stream.read()).decode(errors="replace")

    def wait(self, seconds: float | None = None) -> int:
        """Return the exit status; subprocess.TimeoutExpired after `seconds`."""
        return self._keeper.wait(seconds)

    def order_stop(self) -> None:
        """Begin the stop without waiting for it."""
        if self._keeper.stdin and not self._keeper.stdin.closed:
            self._keeper.stdin.close()

    def close(self) -> int:
        """Stop the command, wait for its end and return the exit status."""
        self.order_stop()
        try:
            return self._keeper.wait(self._patience)
        except subprocess.TimeoutExpired:
            self._keeper.kill()
            return self._keeper.wait()

    def __enter__(self) -> Kept:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def run(
    command: Sequence[str | Path],
    *,
    identity: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """Run a short command to its end; return its exit status and what it printed."""
    keeping = Keeping(identity=identity)
    with Kept(command, keeping, environment=environment, output=subprocess.PIPE) as kept:
        printed = kept.read()
        return kept.wait(), printed
