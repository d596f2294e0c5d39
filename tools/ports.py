"""Small questions about ports of this machine."""

from __future__ import annotations

import atexit
import socket
import sys

HOST = "127.0.0.1"


def free_port() -> int:
    """Return a port of the loopback interface that nobody uses, and nobody else is given.

    A port that was merely free a moment ago can be the source of a stranger's connection in the
    next. This one stays bound, without listening, until this process ends: the kernel gives it to
    nobody who leaves the choice to it. Whoever names it may listen there, as servers do, with
    SO_REUSEADDR; until then connections are refused. Other kernels than Linux would refuse that
    too, so there it is let go.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((HOST, 0))
    port = int(held.getsockname()[1])
    if sys.platform == "linux":
        atexit.register(held.close)
    else:
        held.close()
    return port


def listens(port: int) -> bool:
    """Say whether a client takes connections at a port of the loopback interface."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
