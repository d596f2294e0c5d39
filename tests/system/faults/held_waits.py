"""The server, whose transactions wait for a taken lock as long as the file WAITS is there."""

import os
from pathlib import Path
from threading import Lock
from typing import Any

from config.asgi import application
from larder.core import waits
from larder.db.postgresql.base import DatabaseWrapper

__all__ = ["application"]

WAITS = Path(os.environ["WAITS"])
_taken = Lock()
_taken.acquire()


def _wait_before(name: str) -> None:
    method = getattr(DatabaseWrapper, name)

    def waiting(wrapper: DatabaseWrapper, *arguments: Any) -> Any:
        if wrapper.in_atomic_block and WAITS.exists():
            waits.acquire(_taken, timeout=0.01)
        return method(wrapper, *arguments)

    setattr(DatabaseWrapper, name, waiting)


_wait_before("cursor")
_wait_before("submit")
