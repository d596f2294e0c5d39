"""`python -m tools.run`: one command starts all processes, and all end with it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.processes import parent_of
from tests.tools.toy import Toy, kill, make_toy, ready
from tools.local_postgres import Cluster
from tools.ports import free_port
from tools.processes import alive, wait_until

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


def test_an_interrupt_of_the_process_group_stops_in_order(
    toy: Toy, run: subprocess.Popen[str]
) -> None:
    running = toy.processes()
    os.killpg(run.pid, signal.SIGINT)
    assert "Stopped" in said(run)
    assert run.returncode == 0
    assert not any(alive(pid) for pid in running)
    log = toy.folder / ".data" / "postgresql" / "postgresql.log"
    assert "database system is shut down" in log.read_text()


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


def test_a_run_ends_when_make_ends(toy: Toy, port: int) -> None:
    command = "import subprocess, sys; subprocess.run([sys.executable, *sys.argv[1:]])"
    parent = subprocess.Popen(
        [*(sys.executable, "-c", command), *("-m", "tools.run", "--end-with-parent")],
        cwd=toy.folder,
        env={"PATH": "/usr/bin:/bin", "PORT": str(port), "WORKERS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        read_until(parent, "Ctrl-C")
        parent.kill()
        assert "Stopped" in said(parent)
    assert not toy.processes()


def test_the_next_start_ends_surviving_server_processes(
    toy: Toy, run: subprocess.Popen[str], port: int
) -> None:
    survivor = ready(port)["pid"]
    others = [pid for pid in toy.processes() if pid != survivor]
    # Stopped first, so that none can tell another to end before all are killed.
    kill(others, signal.SIGSTOP)
    kill(others, signal.SIGKILL)
    assert wait_until(lambda: not any(alive(pid) for pid in others))
    assert alive(survivor)
    with toy.start(port) as second:
        assert "of an earlier run that was killed" in read_until(second, "Ctrl-C")
        assert not alive(survivor)
        second.terminate()
        said(second)


def test_a_dead_server_or_worker_is_started_again(
    toy: Toy, run: subprocess.Popen[str], port: int
) -> None:
    worker = int((toy.folder / "worker.pid").read_text())
    serving = ready(port)["pid"]
    kill([worker, parent_of(serving)], signal.SIGKILL)
    assert wait_until(lambda: (toy.folder / "worker.pid").read_text() not in ("", str(worker)))
    assert wait_until(lambda: not alive(serving))
    assert ready(port)["pid"] != serving


def test_a_dead_database_is_started_again(toy: Toy, run: subprocess.Popen[str]) -> None:
    cluster = Cluster(toy.folder / ".data" / "postgresql")
    postmaster = cluster.pid
    assert postmaster is not None
    kill([postmaster], signal.SIGKILL)
    assert wait_until(lambda: cluster.pid not in (None, postmaster))


def test_a_used_port_is_reported_before_any_process_starts(toy: Toy, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)), toy.start(port) as process:
        printed = said(process)
    assert process.returncode == 1
    assert printed.splitlines()[0].startswith(f"Port {port} on 127.0.0.1 is in use")
    assert not (toy.folder / ".data" / "postgresql").exists()


def test_a_second_run_on_the_same_folder_is_refused_with_one_line(
    toy: Toy, run: subprocess.Popen[str]
) -> None:
    with toy.start(1) as second:
        printed = said(second)
    assert second.returncode == 1
    assert printed.count("\n") == 1
    assert f"already runs on the data folder {toy.folder / '.data'} (process {run.pid}" in printed


def test_two_runs_on_two_folders_are_independent(
    toy: Toy, run: subprocess.Popen[str], open_folder: Path, port: int
) -> None:
    second_port = free_port()
    with toy.start(second_port, DATA=str(open_folder / "second")) as second:
        read_until(second, "Ctrl-C")
        assert ready(port)["seen"]["DATABASE_URL"] != ready(second_port)["seen"]["DATABASE_URL"]
        second.terminate()
        said(second)
    assert run.poll() is None


def test_a_copied_data_folder_does_not_end_the_original(
    toy: Toy, run: subprocess.Popen[str], open_folder: Path, port: int
) -> None:
    copy = open_folder / "copy"
    copy.mkdir()
    for name in ("run_id", "secret_key"):
        (copy / name).write_text((toy.folder / ".data" / name).read_text())
    with toy.start(port, DATA=str(copy)) as second:
        assert "is in use" in said(second)
    assert run.poll() is None
    assert ready(port)["worker"] == {"alive": True}


def test_the_end_of_the_log_is_printed_if_the_server_cannot_start(toy: Toy, port: int) -> None:
    (toy.folder / "granian.py").write_text("raise SystemExit('no server today')")
    with toy.start(port) as process:
        printed = said(process)
    assert process.returncode == 1
    assert "server | no server today" in printed


def test_a_failed_preparation_ends_the_run(toy: Toy, port: int) -> None:
    (toy.folder / "manage.py").write_text("raise SystemExit(7)")
    with toy.start(port) as process:
        assert "The database could not be prepared (status 7)." in said(process)
    assert process.returncode == 1
    assert not toy.processes()


def test_static_files_are_collected_once_for_each_version(
    toy: Toy, initialised: Path, port: int
) -> None:
    shutil.copytree(initialised, toy.folder / ".data" / "postgresql")
    sheet = toy.folder / "larder" / "staff" / "static" / "staff" / "admin.css"
    sheet.parent.mkdir(parents=True)
    for content, wanted in (("a", 1), ("a", 1), ("b", 2)):
        sheet.write_text(content)
        with toy.start(port) as process:
            read_until(process, "Ctrl-C")
            process.terminate()
            said(process)
        collected = (toy.folder / "collected").read_text().splitlines()
        assert collected == [str(toy.folder / ".data" / "static")] * wanted


def test_static_files_that_cannot_be_collected_end_the_run(toy: Toy, port: int) -> None:
    manage = toy.folder / "manage.py"
    manage.write_text(manage.read_text().replace("with open(", "sys.exit(9)\n    with open("))
    with toy.start(port) as process:
        assert "why collectstatic failed (status 9)." in said(process)
    assert process.returncode == 1
    assert not toy.processes()


@pytest.mark.parametrize("value", ["0", "65536", "http", "٣"])
def test_an_invalid_port_is_reported_with_one_line(toy: Toy, value: str) -> None:
    with toy.start(1, PORT=value) as process:
        assert said(process) == (
            f"PORT={value} cannot be used: set a whole number from 1 to 65535.\n"
        )
