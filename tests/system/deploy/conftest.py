"""A server for nginx to wait for."""

import socket
from collections.abc import Iterator

import pytest


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that accepts connections and answers nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        yield listening.getsockname()[1]
