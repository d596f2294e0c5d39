"""Starts a server that refuses its settings."""

import os
import subprocess
import sys

from larder.ops.serve import REFUSED
from tests.server import ROOT


def why_no_server_starts(status: int = REFUSED, /, **settings: str) -> str:
    """What a server says that ends at once with these settings."""
    done = subprocess.run(
        [sys.executable, "-c", "import larder.config.asgi"],
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status
    return done.stderr
