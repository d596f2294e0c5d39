"""`python -m larder.ops.serve`: the web server, as every installation starts it.

The one place that says with which options granian serves Larder: `make run`, the image, the
Procfile and the systemd unit all start it here. It needs no Django and becomes the server itself
(exec), so that in a container it is process 1 and gets TERM. TERM ends it in order: nothing new is
accepted, requests under way are answered, and who is not done after STOP_SECONDS is ended.
"""

import argparse
import errno
import os
import resource
import socket
import stat
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

from larder.ops import server_lock

APPLICATION = "config.wsgi:application"
WORKERS, THREADS = 2, 32
POOL_SIZE = 8
"""Connections of each process, where DB_POOL_SIZE does not say another number."""
STACK_BYTES = 32 * 1024 * 1024
"""Of each thread that runs the application, where granian's 2 MiB end the process before Python's
recursion limit is met. Memory that is never touched costs nothing."""
STOP_SECONDS = 25
"""Docker, Kubernetes, ECS and Heroku all kill what has not ended 30 seconds after TERM, or can be
told to. Every order is decided long before (docs/explanation/architecture.md)."""
OPEN_FILES = 65_536
"""Every connection is one; some systems give a process 1,024 unless it asks."""
REFUSED = 78
"""Exit status for settings with which no server starts: EX_CONFIG of sysexits.h."""
SHARED = ("SHARED_DIR", "PROMETHEUS_MULTIPROC_DIR")
LEFT_BEHIND = ("writes", "*.db", "*.slot", "*.new")
"""What a server that has ended leaves in those folders, and the next must not believe."""
PORT_REASONS = {
    errno.EADDRINUSE: "is in use: stop what listens there, or choose another with PORT=",
    errno.EACCES: "may not be opened by this user: choose one above 1023 with PORT=",
    errno.EADDRNOTAVAIL: "is not an address of this machine: choose another with HOST=",
}


class CannotServe(Exception):
    """A server cannot start like this; the message is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Serving:
    """Where to listen, and with how much: processes, threads in each."""

    host: str
    port: int
    workers: int = WORKERS
    threads: int = THREADS
    stop_seconds: int = STOP_SECONDS


def from_environment(environment: Mapping[str, str]) -> Serving:
    """Read HOST, PORT, WORKERS and THREADS; empty counts as unset. Raises CannotServe."""
    return Serving(
        host=environment.get("HOST") or "127.0.0.1",
        port=number(environment, "PORT", 8000, largest=65535),
        workers=number(environment, "WORKERS", WORKERS, largest=64),
        threads=number(environment, "THREADS", THREADS, largest=512),
    )


def number(environment: Mapping[str, str], name: str, default: int, *, largest: int) -> int:
    """Read a whole number from 1 to `largest`. Raises CannotServe."""
    text = environment.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= largest:
        raise CannotServe(f"{name}={text} is not a whole number from 1 to {largest}.")
    return int(text)


def command(serving: Serving) -> list[str]:
    """The command line of granian."""
    return [
        *(sys.executable, "-m", "larder.ops.granian_server", APPLICATION),
        *("--interface", "wsgi", "--http", "1", "--no-ws"),
        *("--host", serving.host, "--port", str(serving.port)),
        *("--workers", str(serving.workers)),
        *("--blocking-threads", str(serving.threads)),
        # The longest there is: with an idle thread its prepared statements are lost.
        *("--blocking-threads-idle-timeout", "600"),
        *("--backlog", "2048"),
        *("--workers-kill-timeout", str(serving.stop_seconds)),
        *("--respawn-failed-workers", "--respawn-interval", "1"),
    ]


def environment(given: Mapping[str, str], serving: Serving) -> dict[str, str]:
    """What the server's processes find in their environment."""
    return {
        # Argon2's blocks of 19 MiB go back to the system instead of staying with each thread:
        # a worker keeps 110 MB after log-ins, not 260.
        "MALLOC_MMAP_THRESHOLD_": str(1024 * 1024),
        "RUST_MIN_STACK": str(STACK_BYTES),
        **given,
        "WORKERS": str(serving.workers),
        "THREADS": str(serving.threads),
    }


def check_port(host: str, port: int) -> None:
    """Bind the port and let it go again: granian would share it without a word.

    Raises CannotServe.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror:
        raise CannotServe(f"HOST={host} is not an address of this machine.") from None
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            reason = PORT_REASONS.get(error.errno or 0, f"cannot be opened: {error.strerror}")
            raise CannotServe(f"Port {port} on {host} {reason}.") from None


def listens_everywhere(host: str) -> bool:
    """Returns whether a server with this HOST listens on every network interface."""
    try:
        found = socket.getaddrinfo(host or "127.0.0.1", None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return any(_is_unspecified(str(address[0])) for *_, address in found)


def _is_unspecified(text: str) -> bool:
    """Returns whether this is the address of every interface, in IPv4, IPv6 or IPv4 in IPv6."""
    address = ip_address(text)
    return (getattr(address, "ipv4_mapped", None) or address).is_unspecified


def shared_folders(given: Mapping[str, str], port: int) -> dict[str, str]:
    """Where the server's processes share what they write and count: made, locked, and emptied.

    A folder that is not named lies below TMPDIR, and is of this user and port. Workers that a
    killed server left there are ended. Raises CannotServe, also where another server runs.
    """
    default = f"{tempfile.gettempdir()}/larder-{os.geteuid()}-{port}"
    folders = {name: given.get(name) or default for name in SHARED}
    for folder in set(folders.values()):
        named = " and ".join(name for name in SHARED if folders[name] == folder)
        try:
            _take(Path(folder), private=folder == default)
        except server_lock.InUse:
            other = "port with PORT" if folder == default else f"folder with {named}"
            raise CannotServe(
                f"Another server runs with the folder {folder}: "
                f"stop it, or choose another {other}=."
            ) from None
        except OSError as error:
            raise CannotServe(
                f"{folder} cannot be used: {error.strerror}. Name a folder that this user "
                f"may write to with {named}=."
            ) from None
    return folders


def _take(folder: Path, *, private: bool) -> None:
    """Make it this server's, without what an earlier one left. Raises InUse and OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = folder.lstat()
    if private and not (stat.S_ISDIR(state.st_mode) and state.st_uid == os.geteuid()):
        raise PermissionError(errno.EPERM, "it belongs to somebody else")
    server_lock.lock(folder)
    for pattern in LEFT_BEHIND:
        for file in folder.glob(pattern):
            file.unlink()


def raise_file_limit() -> None:
    """Raise the soft limit on open files, as far as the hard one lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            return


def main() -> None:
    """Become the server; with one line and status 1 if it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m larder.ops.serve")
    parser.add_argument("--stop-seconds", type=int, default=STOP_SECONDS, metavar="SECONDS")
    stop_seconds = parser.parse_args().stop_seconds
    try:
        serving = replace(from_environment(os.environ), stop_seconds=stop_seconds)
        # Workers that are ended here may have the port, too.
        folders = shared_folders(os.environ, serving.port)
        check_port(serving.host, serving.port)
    except CannotServe as error:
        sys.exit(f"Larder cannot start: {error}")
    raise_file_limit()
    arguments = command(serving)
    os.execve(arguments[0], arguments, {**environment(os.environ, serving), **folders})  # noqa: S606


if __name__ == "__main__":
    main()
