"""`python -m larder.ops.serve`: starts the web server, in all installations.

`make run`, the image, the Procfile and the systemd unit start the server here, so granian's options
are in one place. It needs no Django, and replaces itself by the server (exec), so that the server
is process 1 of a container and receives TERM. On TERM the server accepts no new requests, answers
the open ones, and ends processes that are not done after STOP_SECONDS.
"""

import os
import resource
import socket
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address

APPLICATION = "larder.config.asgi:application"
WORKERS, THREADS = 2, 32
POOL_SIZE = 8
"""Connections of each process, unless DB_POOL_SIZE is set."""
CONNECTIONS = 8_192
"""Open connections of each process, also those whose clients send slowly."""
STOP_SECONDS = 25
"""Seconds after TERM until open requests are ended. Docker, Kubernetes, ECS and Heroku kill
processes 30 seconds after TERM, or can be configured so. Orders are decided much earlier
(docs/explain/architecture.md)."""
OPEN_FILES = 65_536
"""Each connection is an open file. Some systems allow a process 1,024 by default."""
REFUSED = 78
"""Exit status for settings with which no server starts: EX_CONFIG of sysexits.h."""
WORKER_INDEX = "WORKER_INDEX"
"""The variable with the number of a worker process, from 0."""
COUNTS = "PROMETHEUS_MULTIPROC_DIR"
"""The library's variable: the folder in which the processes of one server count."""
MEMORY = "/dev/shm"  # noqa: S108  # nosec B108 - mkdtemp makes a folder in it
"""The file system in memory for that folder: on a full disk a process that counts would end."""


class CannotServe(Exception):
    """The server cannot start. The message is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Serving:
    """The address to listen on, and the number of processes and of threads in each."""

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
        raise CannotServe(f"{name}={text} cannot be used: set a whole number from 1 to {largest}.")
    return int(text)


def command(serving: Serving) -> list[str]:
    """Return the command line of granian."""
    return [
        *(sys.executable, "-m", "larder.ops.serving.granian_server", APPLICATION),
        *("--interface", "asginl", "--http", "1", "--no-ws"),
        *("--host", serving.host, "--port", str(serving.port)),
        *("--workers", str(serving.workers)),
        *("--backlog", "2048", "--backpressure", str(CONNECTIONS)),
        *("--workers-kill-timeout", str(serving.stop_seconds)),
        *("--respawn-failed-workers", "--respawn-interval", "1"),
    ]


def environment(inherited: Mapping[str, str], serving: Serving) -> dict[str, str]:
    """Return the environment of the server's processes."""
    return {
        # Argon2's blocks of 19 MiB are returned to the system instead of kept by each thread:
        # after log-ins a worker has 110 MB instead of 260 MB.
        "MALLOC_MMAP_THRESHOLD_": str(1024 * 1024),
        **inherited,
        "WORKERS": str(serving.workers),
        "THREADS": str(serving.threads),
    }


def check_port(host: str, port: int) -> None:
    """Bind the port and release it: granian would share a used port without an error.

    Raises CannotServe.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror:
        raise CannotServe(
            f"HOST={host} is no address of this machine: set 127.0.0.1, or another."
        ) from None
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise CannotServe(
                f"Port {port} on {host} cannot be opened: {error.strerror}. Choose another with "
                "PORT= or HOST=."
            ) from None


def listens_everywhere(host: str) -> bool:
    """Returns whether a server with this HOST listens on every network interface."""
    try:
        addresses = socket.getaddrinfo(host or "127.0.0.1", None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return any(_is_unspecified(str(address[0])) for *_, address in addresses)


def demo_hosts(*, on_lan: bool) -> list[str]:
    """Returns the hosts of a demo: this machine, the addresses at which Android's emulators reach
    it, and names in `.local`; `on_lan` also this machine's private address, for a phone."""
    hosts = ["127.0.0.1", "localhost", "[::1]", "10.0.2.2", "10.0.3.2", ".local"]
    if on_lan:
        # Connecting a datagram socket sends nothing; it chooses the address.
        with socket.socket(type=socket.SOCK_DGRAM) as probe, suppress(OSError):
            probe.connect(("192.0.2.1", 9))
            own = ip_address(probe.getsockname()[0])
            hosts += [str(own)] if own.is_private else []
    return hosts


def _is_unspecified(text: str) -> bool:
    """Returns whether this is the address of all interfaces, in IPv4, IPv6 or IPv4 in IPv6."""
    address = ip_address(text)
    return (getattr(address, "ipv4_mapped", None) or address).is_unspecified


def raise_file_limit() -> None:
    """Raise the soft limit on open files, at most to the hard limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        except (OSError, ValueError):
            return


def counts_folder() -> str:
    """Make a folder in which the processes of one server count."""
    return tempfile.mkdtemp(prefix="larder-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None)


def main() -> None:
    """Replace this process by the server. If it cannot start, print one line; exit status 1."""
    try:
        serving = from_environment(os.environ)
        check_port(serving.host, serving.port)
    except CannotServe as error:
        sys.exit(f"Larder cannot start: {error}")
    raise_file_limit()
    arguments, variables = command(serving), environment(os.environ, serving)
    os.execve(arguments[0], arguments, {**variables, COUNTS: counts_folder()})  # noqa: S606


if __name__ == "__main__":
    main()
