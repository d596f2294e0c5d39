"""Sends uploads of a byte every four seconds to the whole set behind the project's nginx."""

from __future__ import annotations

import http.client
import json
import os
import re
import resource
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.attack.target import Broken, Target, require
from tools.attack.uploads import Front, SlowClients, others, sources
from tools.kept import Keeping, Kept
from tools.processes import wait_until

ITEM = 4
TITLE = "Slow uploads"
PROMISE = "During 1,200 unfinished uploads from 3 and from 400 addresses others wait less than 1 s."
NEEDS = ("nginx", "pgbouncer", "redis-server", "prometheus", "curl", "openssl")

UPLOADS = 1200
SECONDS = 120.0
READY_SECONDS = 100.0
CONNECTED_SECONDS = 30.0
ACCOUNT = {"username": "another client", "password": "a rather good one"}


def attack(target: Target, *, full: bool) -> str:
    """Return what other clients saw; raises Broken."""
    seen = []
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with _stack(target) as front:
        client = _Client(front)
        for addresses in (3, 400):
            with SlowClients(front, sources(addresses), UPLOADS) as slow:
                wait_until(lambda slow=slow: slow.opened >= UPLOADS, CONNECTED_SECONDS)  # type: ignore[misc]
                with others(client.use) as served:
                    time.sleep(SECONDS)
            shown = f"{addresses} addresses: {served}"
            require(slow.opened >= UPLOADS, f"{shown}; only {slow.opened} uploads began")
            require(served.p99 < 1, f"{shown}; {served.failures[:1]}")
            seen.append(shown)
    return "; ".join(seen)


@contextmanager
def _stack(target: Target) -> Iterator[Front]:
    """Start the set of deploy/compose of the code attacked; give its public address."""
    with tempfile.TemporaryDirectory(prefix="larder-attack-stack-") as folder:
        log, given = Path(folder, "log"), {"RATE_LIMITS": "wide", "REGISTRATION": "open"}
        Path(folder).chmod(0o711)
        with log.open("wb") as output:
            process = Kept(
                [target.code.python, "-m", "tools.stack"],
                Keeping(stop=(("TERM", 60.0),)),
                environment={**os.environ, **given, "DATA": folder},
                output=output,
                folder=target.checkout,
            )
        try:
            yield _front(log, Path(folder, "stack", "secrets", "tls_certificate"))
        finally:
            process.close()


def _front(log: Path, certificate: Path) -> Front:
    def found() -> re.Match[str] | None:
        return re.search(r"Larder is at https://([\d.]+):(\d+)", log.read_text(errors="replace"))

    wait_until(lambda: found() is not None, READY_SECONDS)
    started = found()
    if started is None:
        raise Broken(f"the set did not start: {log.read_text(errors='replace')[-500:]}")
    tls = ssl.create_default_context(cafile=str(certificate))
    return Front(started[1], int(started[2]), tls)


class _Client:
    """A customer of the shop; a thread keeps a connection."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._kept = threading.local()
        self._call("auth/register", ACCOUNT, 201)
        tokens = self._call("auth/token", ACCOUNT, 200)
        self._token = json.loads(tokens)["access"]

    def use(self) -> None:
        """Look at the list, and order what is not there; raises where nothing serves it."""
        self._call("products?limit=20", None, 200)
        lines = {"lines": [{"product": 1, "quantity": 1}]}
        self._call("orders", lines, 404, 409, 422)

    def _call(self, path: str, body: object, *expected: int) -> bytes:
        connection = self._connection()
        headers = {"Content-Type": "application/json"}
        if token := getattr(self, "_token", None):
            headers["Authorization"] = f"Bearer {token}"
        method, data = ("GET", None) if body is None else ("POST", json.dumps(body))
        try:
            connection.request(method, f"/api/v1/{path}", data, headers)
            answer = connection.getresponse()
            raw = answer.read()
        except (OSError, http.client.HTTPException):
            del self._kept.connection
            raise
        if answer.will_close:
            del self._kept.connection
        require(answer.status in expected, f"{method} {path}: {answer.status} {raw[:200]!r}")
        return raw

    def _connection(self) -> http.client.HTTPConnection:
        if not hasattr(self._kept, "connection"):
            self._kept.connection = http.client.HTTPConnection("localhost")
            self._kept.connection.sock = self._front.connect()
        kept: http.client.HTTPConnection = self._kept.connection
        return kept
