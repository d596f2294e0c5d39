"""The server's entry point without one guard, for negative controls.

WITHOUT names the guard. If it is not set, the file `without` in the server's shared folder does,
before each request: one server serves the controls of many guards, one after the other.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Any

from config.wsgi import application as served
from tests.system.race.guards import Removal, removal

__all__ = ["application"]

_NAMED = Path(os.environ["SHARED_DIR"]) / "without"
_lock = Lock()
_originals: dict[str, Removal] = {}
"""What stood in the places of the guard that is out, under its name."""


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    guard = os.environ.get("WITHOUT") or _NAMED.read_text()
    with _lock:
        if guard not in _originals:
            _take_out(guard)
    return served(environ, start_response)


def _take_out(guard: str) -> None:
    """Puts back what was taken out before."""
    for originals in _originals.values():
        _replace(originals)
    _originals.clear()
    taken_out = removal(guard)
    _originals[guard] = [(module, name, getattr(module, name)) for module, name, _ in taken_out]
    _replace(taken_out)


def _replace(places: Removal) -> None:
    for module, name, replacement in places:
        setattr(module, name, replacement)
