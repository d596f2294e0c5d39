"""python -m tools.local_postgres start|url|psql|stop|with --data DIR [-- ARGUMENTS]"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.local_postgres import binaries, takeover
from tools.local_postgres.cluster import Cluster, temporary_cluster
from tools.terminal import LauncherError, complain, say

ROLES = ("owner", "app", "superuser")


def main() -> int:
    """Run one command; failures are one line on standard error and status 1."""
    options = parse()
    try:
        return int(COMMANDS[options.command](options) or 0)
    except LauncherError as error:
        complain(str(error))
        return 1


def parse() -> argparse.Namespace:
    """Read the command line; what follows `--` is kept as it is."""
    arguments = sys.argv[1:]
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(
        prog="python -m tools.local_postgres",
        epilog="After --: arguments of psql, or the command of `with`.",
    )
    parser.add_argument("command", choices=list(COMMANDS))
    parser.add_argument("--data", type=Path, help="the data folder; only `with` does without")
    parser.add_argument("--role", choices=ROLES, default="owner")
    parser.add_argument("--fast", action="store_true", help="start without durability")
    options = parser.parse_args(arguments[:cut])
    options.rest = arguments[cut + 1 :]
    if options.data is None and options.command != "with":
        parser.error("--data is needed")
    return options


def start(options: argparse.Namespace) -> None:
    """Run the server in the foreground until INT or TERM."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    with Cluster(options.data, durable=not options.fast) as cluster:
        say(address(cluster, options.role))
        while cluster.running:
            time.sleep(0.5)


def url(options: argparse.Namespace) -> None:
    """Print the address for a role."""
    say(address(Cluster(options.data), options.role))


def psql(options: argparse.Namespace) -> int:
    """Run psql, connected as the role, or to DATABASE_URL where that is set."""
    named = os.environ.get("OWNER_DATABASE_URL") or os.environ.get("DATABASE_URL")
    if named:
        return call_psql(named, options.rest)
    cluster = Cluster(options.data)
    with opened(cluster):
        return call_psql(address(cluster, options.role), options.rest)


def call_psql(url: str, arguments: list[str]) -> int:
    """Run psql; the password is not on its command line."""
    return call(
        [str(binaries.find().program("psql")), *arguments], binaries.connection_environment(url)
    )


def within(options: argparse.Namespace) -> int:
    """Run a command with DATABASE_URL and OWNER_DATABASE_URL of the cluster, unless it is set.

    Without --data the cluster is empty and there for this command only.
    """
    if options.data is None:
        with temporary_cluster() as cluster:
            return call_on(cluster, options.rest)
    if os.environ.get("DATABASE_URL"):
        return call(options.rest, dict(os.environ))
    return call_on(Cluster(options.data), options.rest)


def call_on(cluster: Cluster, command: list[str]) -> int:
    """Run a command with the cluster's addresses in its environment."""
    with opened(cluster):
        urls = {"DATABASE_URL": cluster.app_url(), "OWNER_DATABASE_URL": cluster.owner_url()}
        return call(command, {**os.environ, **urls})


@contextmanager
def opened(cluster: Cluster) -> Iterator[None]:
    """Join the cluster where it runs already, or start it for as long as it is used."""
    if cluster.in_use:
        yield
    else:
        with cluster:
            yield


def call(command: list[str], variables: dict[str, str]) -> int:
    """Run a command that itself decides what Ctrl-C means; return its exit status."""
    signal.signal(signal.SIGINT, lambda *_: None)
    return subprocess.call(command, env=variables)


def stop(options: argparse.Namespace) -> None:
    """Shut down the server of the folder, also if another program started it."""
    takeover.clear((options.data.absolute() / "server").resolve() / "cluster")


def address(cluster: Cluster, role: str) -> str:
    """Return the cluster's URL for one of ROLES."""
    return {
        "owner": cluster.owner_url,
        "app": cluster.app_url,
        "superuser": cluster.superuser_url,
    }[role]()


COMMANDS = {"start": start, "url": url, "psql": psql, "stop": stop, "with": within}

if __name__ == "__main__":
    sys.exit(main())
