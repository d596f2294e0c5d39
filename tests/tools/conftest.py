"""Clusters and toy checkouts in temporary folders; every process started here is ended here."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from larder.local.postgresql import Cluster
from tools.processes import free_port
from tools.with_database import temporary_cluster

CHECKOUT = Path(__file__).resolve().parents[2]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def data(open_folder: Path) -> Path:
    """A data folder that does not exist yet."""
    return open_folder / "data"


@pytest.fixture(scope="session")
def initialised() -> Iterator[Path]:
    """The data folder of a stopped cluster, to be copied: making one takes longer."""
    with temporary_cluster() as cluster:
        cluster.stop()
        yield cluster.data


@pytest.fixture
def cluster(initialised: Path, data: Path) -> Iterator[Cluster]:
    """A running cluster, not durable."""
    shutil.copytree(initialised, data)
    with Cluster(data, durable=False) as running:
        yield running


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can reach and write, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="larder-test-", dir="/tmp"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts `python -m ...` in the checkout; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str | Path, **options: object) -> subprocess.Popen[str]:
        settings: dict[str, object] = {"cwd": CHECKOUT, "start_new_session": True, **options}
        process: subprocess.Popen[str] = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **settings,  # type: ignore[call-overload]
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    return free_port()
