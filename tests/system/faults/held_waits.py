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
_cursor = DatabaseWrapper.cursor


def _wait_first(wrapper: DatabaseWrapper) -> Any:
    if wrapper.in_atomic_block and WAITS.exists():
        waits.acquire(_taken, timeout=0.01)
    return _cursor(wrapper)


setattr(DatabaseWrapper, "cursor", _wait_first)  # noqa: B010
