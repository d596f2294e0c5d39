"""python -m tools.with_database [--data DIR] -- COMMAND

Runs a command with DATABASE_URL and OWNER_DATABASE_URL of the cluster of a data folder, or of an
empty one that is there for this command only.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from pathlib import Path

from larder.local.postgresql import database
from larder.local.terminal import LauncherError, complain


def main() -> int:
    """Return the status of the command, or 1 with one line on standard error."""
    parser = argparse.ArgumentParser(prog="python -m tools.with_database", description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder of a cluster")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    try:
        with database(options.data) as environment:
            # The command itself decides what Ctrl-C means.
            signal.signal(signal.SIGINT, lambda *_: None)
            return subprocess.call(options.command, env=environment)
    except LauncherError as error:
        complain(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
