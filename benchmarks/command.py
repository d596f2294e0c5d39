"""What the commands have in common: options, a folder for the time, where results go."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.generator import BadReply
from benchmarks.loads import Pace
from larder.local.terminal import LauncherError, complain

FULL, QUICK = Pace(3, 0.6, 2.0), Pace(1, 0.4, 1.0)
RESULTS = Path(__file__).with_name("results")


def parser(command: str) -> argparse.ArgumentParser:
    """The options of a command; WORKERS, THREADS and DB_POOL_SIZE of the environment count too."""
    options = argparse.ArgumentParser(prog=f"make {command}")
    options.add_argument("--quick", action="store_true", help="one short round: about a minute")
    options.add_argument("--rounds", type=int, help="how often everything is measured")
    options.add_argument("--seconds", type=float, help="how long each time")
    options.add_argument("--data", type=Path, help="where databases go for the time")
    return options


def pace_of(options: argparse.Namespace) -> Pace:
    """The pace that the options set, with defaults for the rest."""
    usual = QUICK if options.quick else FULL
    return Pace(options.rounds or usual.rounds, usual.warm_up, options.seconds or usual.seconds)


@contextmanager
def measuring(command: str, data: Path | None) -> Iterator[Path]:
    """Give a folder below `data` for the time of the block, in which INT and TERM end the process
    and all that it has started.

    Ends it with status 2, and one line, when nothing could be measured.
    """
    if not Path("/proc/self/stat").exists():
        complain("CPU time and memory are read from /proc: this needs Linux.")
        sys.exit(2)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda signum, _: sys.exit(128 + signum))
    try:
        if data is not None:
            data.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"larder-{command}-", dir=data) as folder:
            yield Path(folder)
    except (LauncherError, BadReply, OSError) as error:
        complain(f"Not measured: {error}")
        sys.exit(2)


def keep(kind: str, results: dict[str, Any]) -> Path:
    """Writes a run's results under a name of this moment; returns the path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{kind}{datetime.now(UTC):%Y-%m-%d-%H%M%S}.json"
    path.write_text(json.dumps(results, indent=1, default=str))
    return path.relative_to(Path.cwd())
