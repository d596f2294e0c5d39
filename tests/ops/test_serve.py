"""`python -m larder.ops.serve`: the start and the orderly end of a server."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from larder.local.supervisor import STOP_SECONDS
from larder.ops import serve
from tests.server import ROOT
from tests.tiers import LONGEST
from tools.processes import alive, children, free_port, listens, wait_until

pytestmark = pytest.mark.system

LONGER_THAN_A_RUN_WAITS = STOP_SECONDS + 1
SLOW_APPLICATION = """
import asyncio, pathlib
async def application(scope, receive, send):
    here = pathlib.Path(scope["query_string"].decode())
    (here / "began").touch()
    while not (here / "go").exists():
        await asyncio.sleep(0.01)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"done"})
"""


@contextmanager
def served(
    folder: Path, port: int, application: str = SLOW_APPLICATION, **variables: str
) -> Iterator[subprocess.Popen[str]]:
    """The module as an installation starts it, with an application that waits for a file."""
    package = folder / "larder"
    (package / "config").mkdir(parents=True)
    (package / "config" / "asgi.py").write_text(application)
    for part in ("__init__.py", "ops"):
        (package / part).symlink_to(ROOT / "larder" / part)
    environment = {"PATH": "/usr/bin:/bin", "WORKERS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "larder.ops.serve"],
        cwd=folder,
        env=environment | {"PORT": str(port), "TMPDIR": str(folder)} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        # The workers of a server that is killed live on.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_a_running_request_is_answered_after_sigterm_and_then_the_server_ends(
    tmp_path: Path,
) -> None:
    port = free_port()
    answers: list[bytes] = []

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LONGEST)
        connection.request("GET", f"/?{tmp_path}")
        answers.append(connection.getresponse().read())

    with served(tmp_path, port) as process:
        assert wait_until(lambda: listens(port), LONGEST)
        client = threading.Thread(target=ask)
        client.start()
        assert wait_until((tmp_path / "began").exists, LONGEST)
        process.send_signal(signal.SIGTERM)
        assert wait_until(lambda: not listens(port), LONGEST), "nothing new is accepted"
        time.sleep(LONGER_THAN_A_RUN_WAITS)
        assert process.poll() is None
        (tmp_path / "go").touch()
        client.join(LONGEST)
        assert process.wait(LONGEST) == 0
    assert answers == [b"done"]


def test_the_server_replaces_the_process_that_started_it(tmp_path: Path) -> None:
    port = free_port()
    with served(tmp_path, port) as process:
        assert wait_until(lambda: listens(port), LONGEST)
        assert b"granian" in Path(f"/proc/{process.pid}/cmdline").read_bytes()


def test_a_server_with_refused_settings_ends_at_once(tmp_path: Path) -> None:
    """Also with several workers: granian alone sees no loop if they end in turns."""
    refused = f"raise SystemExit({serve.REFUSED})"
    with served(tmp_path, free_port(), refused, WORKERS="2") as process:
        assert process.wait(LONGEST) == serve.REFUSED


def test_a_worker_that_ends_for_another_reason_is_started_again(tmp_path: Path) -> None:
    port = free_port()
    with served(tmp_path, port) as process:
        assert wait_until(lambda: bool(children(process.pid)) and listens(port), LONGEST)
        (worker,) = children(process.pid)
        os.kill(worker, signal.SIGKILL)
        assert wait_until(lambda: bool({*children(process.pid)} - {worker}), LONGEST)
        assert process.poll() is None


def test_a_used_port_is_reported_with_one_line(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = int(other.getsockname()[1])
        with served(tmp_path, port) as process:
            said, _ = process.communicate(timeout=LONGEST)
    assert process.returncode == 1
    assert said.startswith(
        f"Larder cannot start: Port {port} on 127.0.0.1 cannot be opened: Address"
    )
    assert said.count("\n") == 1


def test_the_processes_of_a_killed_server_end(tmp_path: Path) -> None:
    port = free_port()
    with served(tmp_path, port) as killed:
        assert wait_until(lambda: listens(port), LONGEST)
        (worker,) = children(killed.pid)
        killed.kill()
        killed.wait(LONGEST)
        assert wait_until(lambda: not alive(worker), LONGEST)


@pytest.mark.parametrize("value", ["0", "65536", "http", "٣"])
def test_an_invalid_port_is_reported(value: str) -> None:
    with pytest.raises(serve.CannotServe, match="set a whole number from 1 to 65535"):
        serve.from_environment({"PORT": value})


def test_each_process_knows_the_number_of_processes() -> None:
    serving = serve.from_environment({"WORKERS": "3", "THREADS": ""})
    environment = serve.environment({"THREADS": "", "OTHER": "kept"}, serving)
    assert (environment["WORKERS"], environment["THREADS"], environment["OTHER"]) == (
        "3",
        "32",
        "kept",
    )
