"""python -m tools.local_postgres with|psql [--data DIR] -- ARGUMENTS

`with` runs a command with DATABASE_URL and OWNER_DATABASE_URL of the cluster of the folder, or of
an empty one that is there for this command only. `psql` is PostgreSQL's.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from tools.local_postgres import binaries
from tools.local_postgres.cluster import Cluster, temporary_cluster
from tools.terminal import LauncherError, complain

Run = Callable[[list[str], dict[str, str]], int]
"""Runs arguments in an environment; returns an exit status."""


def main() -> int:
    """Run one command; failures are one line on standard error and status 1."""
    arguments = sys.argv[1:]
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(prog="python -m tools.local_postgres", description=__doc__)
    parser.add_argument("command", choices=["with", "psql"])
    parser.add_argument("--data", type=Path, help="the folder of a cluster")
    options = parser.parse_args(arguments[:cut])
    run = psql if options.command == "psql" else call
    try:
        return within(options.data, run, arguments[cut + 1 :])
    except LauncherError as error:
        complain(str(error))
        return 1


def within(data: Path | None, run: Run, arguments: list[str]) -> int:
    """Run a command on a cluster: one that runs already is joined, else it is started for as long
    as it is used. Where DATABASE_URL is set, that database is meant, and not a folder's."""
    if data is None:
        with temporary_cluster() as cluster:
            return run(arguments, environment(cluster))
    if os.environ.get("DATABASE_URL"):
        return run(arguments, dict(os.environ))
    cluster = Cluster(data)
    with nullcontext() if cluster.in_use else cluster:
        return run(arguments, environment(cluster))


def environment(cluster: Cluster) -> dict[str, str]:
    """Return our environment with the cluster's addresses."""
    urls = {"DATABASE_URL": cluster.app_url(), "OWNER_DATABASE_URL": cluster.owner_url()}
    return {**os.environ, **urls}


def psql(arguments: list[str], variables: dict[str, str]) -> int:
    """Run psql as the owner of the tables; the password is not on its command line."""
    url = variables.get("OWNER_DATABASE_URL") or variables["DATABASE_URL"]
    program = str(binaries.find().program("psql"))
    return call([program, *arguments], binaries.connection_environment(url))


def call(command: list[str], variables: dict[str, str]) -> int:
    """Run a command that itself decides what Ctrl-C means; return its exit status."""
    signal.signal(signal.SIGINT, lambda *_: None)
    return subprocess.call(command, env=variables)


if __name__ == "__main__":
    sys.exit(main())
