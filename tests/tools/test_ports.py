"""A port that was reserved is still free when a program listens there."""

from __future__ import annotations

import socket

from tools.ports import HOST, free_port, listens


def source_port(server: socket.socket) -> int:
    """The port that the kernel chose for one connection."""
    with socket.create_connection(server.getsockname()) as client, server.accept()[0]:
        return int(client.getsockname()[1])


def test_the_kernel_gives_a_reserved_port_to_no_other_process() -> None:
    """Thousands of connections, and more listeners, have theirs chosen beside it."""
    ours = {free_port() for _ in range(200)}
    with socket.create_server((HOST, 0)) as server:
        others = {source_port(server) for _ in range(5000)}
    others |= {free_port() for _ in range(200)}
    assert len(ours) == 200
    assert not ours & others


def test_a_process_can_listen_on_the_reserved_port() -> None:
    port = free_port()
    assert not listens(port)
    with socket.create_server((HOST, port)):
        assert listens(port)
    assert not listens(port)
