"""Runs Redis and Memcached."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tools.ports import listens
from tools.processes import wait_until

KINDS = ("redis", "memcached")


@contextmanager
def running(kind: str, port: int, folder: Path) -> Iterator[None]:
    """The cache, listening on this machine alone."""
    program = shutil.which({"redis": "redis-server", "memcached": "memcached"}[kind])
    if program is None:
        pytest.skip(f"{kind} is not installed on this machine")
    options = {
        "redis": ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
        "memcached": ["-p", str(port), "-l", "127.0.0.1", "-U", "0", "-u", "nobody"],
    }
    process = subprocess.Popen([program, *options[kind]], stdout=subprocess.DEVNULL)
    try:
        assert wait_until(lambda: listens(port)), "the cache did not start"
        yield
    finally:
        process.kill()
        process.wait()
