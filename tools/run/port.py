"""The port, tried before anything is started: the server itself would share it without a word."""

from __future__ import annotations

import errno
import socket

from tools.errors import LauncherError

REASONS = {
    errno.EADDRINUSE: "is in use: stop what listens there, or choose another with PORT=",
    errno.EACCES: "may not be opened by this user: choose one above 1023 with PORT=",
    errno.EADDRNOTAVAIL: "is not an address of this machine: choose another with HOST=",
}


def check(host: str, port: int) -> None:
    """Bind the port and let it go again; LauncherError when that fails."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror:
        raise LauncherError(f"HOST={host} is not an address of this machine.") from None
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            reason = REASONS.get(error.errno or 0, f"cannot be opened: {error.strerror}")
            raise LauncherError(f"Port {port} on {host} {reason}.") from None
