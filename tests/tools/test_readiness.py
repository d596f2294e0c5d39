"""`make run` waits while its services make progress, and prints what it waits for."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.errors import LauncherError
from tools.logfile import LogFile
from tools.run import readiness
from tools.run.service import Service

SERVER = """
import http.server, json, sys, time
busy, port = float(sys.argv[1]), int(sys.argv[2])
began = time.monotonic()
while time.monotonic() - began < busy:
    pass
body = json.dumps({"worker": {"alive": True}}).encode()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


@pytest.fixture
def services(tmp_path: Path) -> Iterator[list[Service]]:
    """A server and a worker to be started; ended afterwards."""
    names = ("server", "worker")
    made = [Service(one, [], dict(os.environ), LogFile(tmp_path / f"{one}.log")) for one in names]
    yield made
    for service in made:
        service.close()


def wait(port: int, services: list[Service], *script: str) -> None:
    server, worker = services
    server.command = [sys.executable, "-c", *script]
    server.start()
    readiness.wait("127.0.0.1", port, server=server, worker=worker, tend=lambda: None)


@pytest.mark.system
def test_the_wait_continues_while_the_server_uses_the_processor(
    services: list[Service],
    port: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(readiness, "WAIT_SECONDS", 3.0)
    monkeypatch.setattr(readiness, "SAY_SECONDS", 1.0)
    wait(port, services, SERVER, "6", str(port))
    assert "s: the server does not answer yet." in capsys.readouterr().out


@pytest.mark.system
def test_the_wait_ends_if_the_server_does_nothing(
    services: list[Service], port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "WAIT_SECONDS", 3.0)
    with pytest.raises(LauncherError, match="Nothing has progressed for 3 s: the server does not"):
        wait(port, services, "import time; time.sleep(60)")


def test_the_wait_ends_if_the_worker_ends_again_and_again(services: list[Service]) -> None:
    server, worker = services
    body = {"worker": {"alive": False}}
    worker.starts = 1
    first = readiness.missing(200, body, server=server, worker=worker)
    worker.starts = 2
    second = readiness.missing(200, body, server=server, worker=worker)
    assert first is not None
    assert second is not None
    assert (first.works, second.works) == (True, False)


def test_missing_checks_of_readyz_are_named(services: list[Service]) -> None:
    server, worker = services
    body = {"checks": {"database": True, "migrations": False}, "worker": {"alive": False}}
    awaited = readiness.missing(503, body, server=server, worker=worker)
    assert awaited is not None
    assert awaited.what == "the server answers 503 (missing: migrations)"
