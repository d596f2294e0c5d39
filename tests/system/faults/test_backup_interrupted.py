"""The copy with which a backup is proved is always removed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from larder.local.postgresql import Cluster
from larder.local.terminal import LauncherError
from tests.system.faults.conftest import ROOT
from tests.system.faults.copies import TIMEOUT, backed_up, copies, target
from tools.backup import databases, restore
from tools.processes import wait_until

COPY = "larder_restored"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, Path]]:
    """A shop with nothing in it, and its backup."""
    yield from backed_up(tmp_path_factory.mktemp("backup"))


@contextmanager
def proving(cluster: Cluster, file: Path) -> Iterator[subprocess.Popen[str]]:
    """`backup prove`, which has come as far as the copy."""
    there = {"DATABASE_URL": cluster.app_url(), "OWNER_DATABASE_URL": cluster.owner_url()}
    with subprocess.Popen(
        [sys.executable, "-m", "tools.backup", "prove", file],
        cwd=ROOT,
        env={**os.environ, **there},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            # Marked, which comes just after it is made: what is killed between has no data yet.
            assert wait_until(lambda: is_marked(cluster), TIMEOUT)
            yield process
        finally:
            process.kill()


def is_marked(cluster: Cluster) -> bool:
    with psycopg.connect(cluster.owner_url("postgres")) as owner:
        return owner.execute(databases._MARK, [COPY]).fetchone() == (databases.MADE_HERE,)


def test_a_process_that_is_hung_up_drops_the_copy(shop: tuple[Cluster, Path]) -> None:
    """Two signals: a second one does not keep it from tidying up."""
    cluster, file = shop
    with proving(cluster, file) as process:
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode in {128 + signal.SIGHUP, 128 + signal.SIGTERM}, output
    assert copies(cluster) == set()
    assert "Traceback" not in output


def test_the_next_process_drops_the_copy_of_a_killed_one(shop: tuple[Cluster, Path]) -> None:
    cluster, file = shop
    with proving(cluster, file) as process:
        os.killpg(process.pid, signal.SIGKILL)
    assert copies(cluster) == {COPY}
    restore.prove(file, target(cluster))
    assert copies(cluster) == set()


def test_a_database_that_was_not_made_here_is_not_dropped(shop: tuple[Cluster, Path]) -> None:
    cluster, file = shop
    databases.command(cluster.owner_url(), "CREATE DATABASE {}", COPY)
    with pytest.raises(LauncherError, match="in the way"):
        restore.prove(file, target(cluster))
    assert copies(cluster) == {COPY}
    databases.drop_forcibly(cluster.owner_url(), COPY)
