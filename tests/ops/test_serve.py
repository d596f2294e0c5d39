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

from larder.ops import serve
from tests.server import ROOT
from tests.tiers import LONGEST
from tools.ports import free_port, listens
from tools.processes import alive, children, wait_until
from tools.run.settings import STOP_SECONDS

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
    (folder / "config").mkdir(parents=True)
    (folder / "config" / "__init__.py").touch()
    (folder / "config" / "asgi.py").write_text(application)
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{folder}:{ROOT}", "WORKERS": "1"}
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
    assert said.startswith(f"Larder cannot start: Port {port} on 127.0.0.1 is in use")
    assert said.count("\n") == 1


def test_a_second_server_with_the_same_folder_is_refused_while_the_first_runs(
    tmp_path: Path,
) -> None:
    first, second, port = tmp_path / "1", tmp_path / "2", free_port()
    shared = tmp_path / "shared"
    with served(first, port, SHARED_DIR=str(shared)):
        assert wait_until(lambda: listens(port), LONGEST)
        (shared / "counter_7.db").touch()
        with served(second, free_port(), SHARED_DIR=str(shared)) as process:
            said, _ = process.communicate(timeout=LONGEST)
        assert process.returncode == 1
        assert said == (
            f"Larder cannot start: Another server runs with the folder {shared}: "
            "stop it, or choose another folder with SHARED_DIR=.\n"
        )
        assert (shared / "counter_7.db").exists()
        assert listens(port)


def test_the_next_server_ends_the_processes_of_a_killed_one(tmp_path: Path) -> None:
    first, second, port = tmp_path / "1", tmp_path / "2", free_port()
    shared = tmp_path / "shared"
    with served(first, port, SHARED_DIR=str(shared)) as killed:
        assert wait_until(lambda: listens(port), LONGEST)
        (worker,) = children(killed.pid)
        killed.kill()
        killed.wait(LONGEST)
        assert listens(port)
        with served(second, port, SHARED_DIR=str(shared)) as process:
            assert wait_until(lambda: not alive(worker), LONGEST)
            assert wait_until(lambda: listens(port), LONGEST)
            assert process.poll() is None


def test_a_process_that_only_reads_the_lock_file_keeps_running(tmp_path: Path) -> None:
    first, second, port = tmp_path / "1", tmp_path / "2", free_port()
    shared = tmp_path / "shared"
    with served(first, port, SHARED_DIR=str(shared)) as killed:
        assert wait_until(lambda: listens(port), LONGEST)
        with (shared / "server.lock").open() as opened:
            reader = subprocess.Popen(["sleep", "60"], stdin=opened)
        killed.kill()
        killed.wait(LONGEST)
        with served(second, port, SHARED_DIR=str(shared)):
            assert wait_until(lambda: listens(port), LONGEST)
            assert alive(reader.pid)
        reader.kill()
        reader.wait()


def test_a_server_deletes_only_the_files_of_an_earlier_server(tmp_path: Path) -> None:
    for name in ("counter_7.db", "core.0.slot", "somebody_elses.txt"):
        (tmp_path / name).touch()
    assert serve.shared_folder({"SHARED_DIR": str(tmp_path)}, 8000) == str(tmp_path)
    kept = {"somebody_elses.txt", "server.lock"}
    assert {file.name for file in tmp_path.iterdir()} == kept


def test_the_default_folder_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    expected = tmp_path / f"larder-{os.geteuid()}-8123"
    assert serve.shared_folder({}, 8123) == str(expected)
    assert expected.stat().st_mode & 0o777 == 0o700


def test_a_symbolic_link_as_the_private_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "counter_7.db").touch()
    (tmp_path / f"larder-{os.geteuid()}-8123").symlink_to(victim)
    with pytest.raises(serve.CannotServe, match="belongs to another user"):
        serve.shared_folder({}, 8123)
    assert (victim / "counter_7.db").exists()


def test_a_folder_that_cannot_be_created_is_reported_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    named = {"SHARED_DIR": f"{tmp_path}/file/below"}
    with pytest.raises(serve.CannotServe, match="with SHARED_DIR="):
        serve.shared_folder(named, 8000)


@pytest.mark.parametrize("value", ["0", "65536", "http", "٣"])
def test_an_invalid_port_is_reported(value: str) -> None:
    with pytest.raises(serve.CannotServe, match="set a whole number from 1 to 65535"):
        serve.from_environment({"PORT": value})


def test_each_process_knows_the_number_of_processes() -> None:
    serving = serve.from_environment({"WORKERS": "3", "THREADS": ""})
    made = serve.environment({"THREADS": "", "OTHER": "kept"}, serving)
    assert (made["WORKERS"], made["THREADS"], made["OTHER"]) == ("3", "32", "kept")
