"""python -m tools.with_database [--data DIR] -- COMMAND

Runs a command with DATABASE_URL and OWNER_DATABASE_URL of the cluster of a data folder, or of an
empty one that is there for this command only.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from larder.local.postgresql import Cluster, database
from larder.local.terminal import LauncherError, complain


def main() -> int:
    """Return the status of the command, or 1 with one line on standard error."""
    parser = argparse.ArgumentParser(prog="python -m tools.with_database", description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder of a cluster")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    try:
        with ExitStack() as stack:
            if options.data:
                variables = stack.enter_context(database(options.data))
            else:
                variables = os.environ | stack.enter_context(temporary_cluster()).addresses
            # The command itself decides what Ctrl-C means.
            signal.signal(signal.SIGINT, lambda *_: None)
            return subprocess.call(options.command, env=variables)
    except LauncherError as error:
        complain(str(error))
        return 1


@contextmanager
def temporary_cluster(
    *, settings: Mapping[str, str] | None = None, durable: bool = False
) -> Iterator[Cluster]:
    """Start an empty cluster, without durability; afterwards nothing of it is left."""
    with (
        TemporaryDirectory(prefix="larder-") as folder,
        Cluster(Path(folder) / "data", durable=durable, settings=settings) as cluster,
    ):
        yield cluster


if __name__ == "__main__":
    sys.exit(main())
