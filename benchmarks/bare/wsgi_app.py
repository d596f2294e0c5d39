"""A bare WSGI application: the product list's bytes, and nothing else happens.

BENCH_REPLY names the file that holds them.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.bare import garbage_collection

REPLY = Path(os.environ["BENCH_REPLY"]).read_bytes()
HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(REPLY)))]


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answers every request alike."""
    start_response("200 OK", HEADERS)
    return [REPLY]


garbage_collection.settle()
