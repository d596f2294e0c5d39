"""What the commands have in common: a folder for the time, how they end, where results go."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.generator import BadReply
from tools.errors import LauncherError
from tools.terminal import complain

RESULTS = Path(__file__).with_name("results")


@contextmanager
def measuring(kind: str, data: Path | None) -> Iterator[Path]:
    """Give a folder below `data` for the time of the block, in which INT and TERM end the process
    and all that it has started.

    Ends it with status 2, and one line, when nothing could be measured.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda signum, _: sys.exit(128 + signum))
    try:
        if data is not None:
            data.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"larder-{kind}-", dir=data) as folder:
            yield Path(folder)
    except (LauncherError, BadReply, OSError) as error:
        complain(f"Not measured: {error}")
        sys.exit(2)


def kept_as(kind: str = "") -> Path:
    """Return where a run's files go: a path of this moment, without an ending."""
    RESULTS.mkdir(exist_ok=True)
    return RESULTS / f"{kind}{datetime.now(UTC):%Y-%m-%d-%H%M%S}"
