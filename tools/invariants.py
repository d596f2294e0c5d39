"""Runs `manage.py check_invariants` on a server's database, where that can be reached."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tools.local_postgres import Cluster
from tools.terminal import LauncherError

CHECKOUT = Path(__file__).resolve().parents[1]
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def database_url(server: str) -> str | None:
    """Return DATABASE_URL, or that of `make run` for a server of this machine; None if neither is
    known."""
    url = os.environ.get("DATABASE_URL")
    if url or urlsplit(server).hostname not in LOOPBACK:
        return url or None
    cluster = Cluster(Path(os.environ.get("DATA", ".data")) / "postgresql")
    try:
        return cluster.app_url() if cluster.in_use else None
    except LauncherError:
        return None


def check(
    url: str, *, orders: int, checkout: Path = CHECKOUT, python: str = sys.executable
) -> list[str]:
    """Return a line for everything that is violated. `orders`: how many must be there at least,
    for on another shop's database everything may well be in order. The code is the checkout's."""
    command = subprocess.run(
        [python, "manage.py", "check_invariants", "--format", "json"],
        cwd=checkout,
        env={**os.environ, "DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        report = json.loads(command.stdout)
    except ValueError:
        last = (command.stderr.strip().splitlines() or [f"status {command.returncode}"])[-1]
        return [f"check_invariants failed: {last}"]
    return list(faults(report, orders))


def faults(report: dict[str, Any], orders: int) -> Iterator[str]:
    """Yield the sentences of a report."""
    for invariant in report["invariants"]:
        if not invariant["ok"]:
            first = json.dumps(invariant["rows"][0])
            yield f"{invariant['name']}: {invariant['violations']} violations, the first is {first}"
    counted = report["looked_at"]["order"]
    if counted < orders:
        yield (
            f"The database holds {counted} orders, fewer than the server acknowledged: it is not "
            "the server's. Set DATABASE_URL."
        )
