"""Runs programs with packages that uv fetches."""

import subprocess
import sys
from pathlib import Path

from tests.system.clients.npm import unavailable, with_certificates


def uv(*words: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program with packages that uv fetches; skip the test where it cannot, or fail it in CI.
    What uv says itself is on stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "uv", "run", "--no-project", *words],
        cwd=folder,
        env=with_certificates("SSL_CERT_FILE"),
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    if "Failed to fetch" in done.stderr or "error sending request" in done.stderr:
        unavailable(done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    return done
