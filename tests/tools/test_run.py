"""`larder run`: one command starts all processes, and all end with it."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from larder.local.postgresql import Cluster
from tests.tools.toy import Toy, kill, make_toy, ready
from tools.processes import alive, parent, postmaster, wait_until

pytestmark = pytest.mark.system


@pytest.fixture
def toy(open_folder: Path) -> Iterator[Toy]:
    checkout = make_toy(open_folder / "toy")
    yield checkout
    kill(checkout.processes(), signal.SIGKILL)


@pytest.fixture
def run(toy: Toy, initialised: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """A run of the toy that has said it is ready."""
    shutil.copytree(initialised, toy.folder / ".data" / "postgresql")
    with toy.start(port) as process:
        read_until(process, "Ctrl-C")
        yield process


def read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    read = ""
    for line in process.stdout:
        read += line
        if words in line:
            return read
    raise AssertionError(read)


def said(process: subprocess.Popen[str]) -> str:
    printed, _ = process.communicate(timeout=60)
    return printed


def test_a_run_prints_its_steps_and_next_commands_and_ends_on_sigterm(toy: Toy, port: int) -> None:
    with toy.start(port) as process:
        printed = read_until(process, "Ctrl-C")
        running = toy.processes()
        process.terminate()
        printed += said(process)
    assert process.returncode == 0
    for words in ("PostgreSQL started", "preparing", f"ready at http://127.0.0.1:{port}", "TOKEN="):
        assert words in printed
    assert len(running) > 4
    assert not any(alive(pid) for pid in running)


def test_child_processes_get_demo_settings_and_a_private_permanent_secret(
    toy: Toy, run: subprocess.Popen[str], port: int
) -> None:
    seen = ready(port)["seen"]
    secret = toy.folder / ".data" / "secret_key"
    assert seen["DEMO"] == "1"
    assert seen["SECRET_KEY"] == secret.read_text().strip()
    assert secret.stat().st_mode & 0o777 == 0o600
    assert seen["DATABASE_URL"].startswith("postgresql://larder_app:")


def test_all_processes_end_with_a_killed_supervisor(toy: Toy, run: subprocess.Popen[str]) -> None:
    run.kill()
    assert wait_until(lambda: not toy.processes())


def test_the_next_start_waits_for_the_port_of_a_killed_run(
    toy: Toy, run: subprocess.Popen[str], port: int
) -> None:
    survivor = ready(port)["pid"]
    others = [pid for pid in toy.processes() if pid != survivor]
    # Stopped first, so that none can tell another to end before all are killed.
    kill(others, signal.SIGSTOP)
    kill(others, signal.SIGKILL)
    with toy.start(port) as second:
        read_until(second, "Ctrl-C")
        assert not alive(survivor)
        second.terminate()
        said(second)


def test_a_dead_server_or_worker_is_started_again(
    toy: Toy, run: subprocess.Popen[str], port: int
) -> None:
    worker = int((toy.folder / "worker.pid").read_text())
    serving = ready(port)["pid"]
    server = parent(serving)
    assert server is not None
    kill([worker, server], signal.SIGKILL)
    assert wait_until(lambda: (toy.folder / "worker.pid").read_text() not in ("", str(worker)))
    assert wait_until(lambda: not alive(serving))
    assert ready(port)["pid"] != serving


def test_a_dead_database_is_started_again(toy: Toy, run: subprocess.Popen[str]) -> None:
    cluster = Cluster(toy.folder / ".data" / "postgresql")
    main = postmaster(cluster)
    assert main
    kill([main], signal.SIGKILL)
    assert wait_until(lambda: postmaster(cluster) not in (0, main))


def test_a_used_port_is_reported_before_any_process_starts(toy: Toy, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)), toy.start(port) as process:
        printed = said(process)
    assert process.returncode == 1
    assert printed.splitlines()[0].startswith(f"Port {port} on 127.0.0.1 cannot be")
    assert not (toy.folder / ".data" / "postgresql").exists()


def test_a_second_run_on_the_same_folder_is_refused_with_one_line(
    toy: Toy, run: subprocess.Popen[str]
) -> None:
    with toy.start(1) as second:
        printed = said(second)
    assert second.returncode == 1
    assert printed.count("\n") == 1
    assert f"{toy.folder / '.data' / 'postgresql'} is in use by process {run.pid}" in printed


def test_the_end_of_the_log_is_printed_if_the_server_cannot_start(toy: Toy, port: int) -> None:
    (toy.folder / "granian.py").write_text("raise SystemExit('no server today')")
    with toy.start(port) as process:
        printed = said(process)
    assert process.returncode == 1
    assert "server | no server today" in printed
