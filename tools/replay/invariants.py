"""Runs `manage.py check_invariants` on the server's database, where that can be reached."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tools.errors import LauncherError
from tools.local_postgres import Cluster
from tools.replay.options import Options

CHECKOUT = Path(__file__).resolve().parents[2]
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def database_url(options: Options) -> str | None:
    """Return DATABASE_URL, or that of `make run` on this machine; None when neither is known."""
    given = os.environ.get("DATABASE_URL")
    if given or urlsplit(options.base_url).hostname not in LOOPBACK:
        return given or None
    cluster = Cluster(options.data / "postgresql")
    try:
        return cluster.app_url() if cluster.in_use else None
    except LauncherError:
        return None


def check(url: str, *, orders: int) -> list[str]:
    """Return a line for everything that is violated. `orders`: how many must be there at least,
    for on another shop's database everything may well be in order."""
    done = subprocess.run(
        [sys.executable, "manage.py", "check_invariants", "--format", "json"],
        cwd=CHECKOUT,
        env={**os.environ, "DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        report = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        return [f"check_invariants failed: {last}"]
    return list(faults(report, orders))


def faults(report: dict[str, Any], orders: int) -> Iterator[str]:
    """Turn the report into sentences."""
    for one in report["invariants"]:
        if not one["ok"]:
            first = json.dumps(one["rows"][0])
            yield f"{one['name']}: {one['violations']} violations, the first is {first}"
    found = report["looked_at"]["order"]
    if found < orders:
        yield (
            f"The database holds {found} orders, fewer than the server acknowledged: it is not "
            "the server's. Set DATABASE_URL."
        )
