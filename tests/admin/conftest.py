"""A running server for the browser tests."""

from collections.abc import Iterator

import pytest

from tests.server import Server


@pytest.fixture
def site(transactional_db: None) -> Iterator[str]:
    """The address of a running server; in demo mode, where cookies need no TLS."""
    with Server(workers=1, environment={"DEMO": "1"}) as server:
        yield f"http://127.0.0.1:{server.port}"
