"""Small questions about ports of this machine."""

from __future__ import annotations

import atexit
import socket
import sys

HOST = "127.0.0.1"


def free_port() -> int:
    """Return a free port of the loopback interface, which no other process is given.

    A port that was only found free can become the source port of another connection. This one
    stays bound, without listening, until this process ends, so the kernel does not choose it for
    others. A program that names it may listen there with SO_REUSEADDR, as servers do; until then
    connections are refused. Other kernels than Linux would refuse that too, so there the port is
    released.
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
