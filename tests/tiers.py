"""The tiers of tests: `make test` runs all that start no program, `make test/system` the others.

A test belongs to the tier `system` if it is below tests/system, carries the marker, or uses a
fixture of SERVERS. A server or program that another test starts raises, so that `make test` stays
quick: starting Larder takes some seconds of CPU.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from larder.core import decoder

__all__ = ["SERVERS", "is_system", "mark", "running"]

SERVERS = frozenset({"server", "long_server", "site"})
"""Fixtures that start a server."""

_SYSTEM = Path(__file__).resolve().parent / "system"
_current: list[bool] = []


LONGEST = 480
"""Seconds of a test that starts servers: some take a hundred until each has started, on a machine
that is busy (tests/server.py)."""


def mark(item: pytest.Item) -> None:
    """Mark a test that uses a fixture of SERVERS, or is in a folder of the tier, as `system`."""
    if _SYSTEM in item.path.parents or SERVERS.intersection(getattr(item, "fixturenames", ())):
        item.add_marker(pytest.mark.system)
    if item.get_closest_marker("system") and not item.get_closest_marker("timeout"):
        item.add_marker(pytest.mark.timeout(LONGEST))


@contextmanager
def running(item: pytest.Item) -> Iterator[None]:
    """Remember, while a test runs, whether it may start a server."""
    _current.append(item.get_closest_marker("system") is not None)
    try:
        yield
    finally:
        _current.pop()


def is_system() -> bool:
    """Return whether the code runs outside a test or in a test marked as `system`."""
    return not _current or _current[-1]


_DECODER = str(Path(decoder.__file__).resolve())
"""The product's own child, which decodes a file in a tenth of a second."""


def _refuse_programs(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen" and not is_system() and _DECODER not in arguments[1]:
        raise RuntimeError(f"this test starts {arguments[0]}: give it the marker `system`")


sys.addaudithook(_refuse_programs)
