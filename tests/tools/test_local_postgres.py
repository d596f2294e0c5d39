"""The guarantees of the launcher for one cluster."""

import os
import shutil
import signal
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from larder.local.postgresql import Cluster, processes_of
from larder.local.terminal import LauncherError
from tools.processes import alive, postmaster, wait_until

pytestmark = pytest.mark.system


def ask(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def keep_a_row(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")


def kept_row(url: str) -> object:
    return ask(url, "SELECT answer FROM kept")


def test_a_durable_cluster_has_every_safety_on(data: Path) -> None:
    with Cluster(data) as cluster:
        shown = [
            ask(cluster.superuser_url(), f"SHOW {name}")
            for name in ("fsync", "synchronous_commit", "full_page_writes", "listen_addresses")
        ]
    assert shown == ["on", "on", "on", ""]


def test_data_is_kept_over_a_stop_and_a_start(cluster: Cluster) -> None:
    keep_a_row(cluster.owner_url())
    pid = postmaster(cluster)
    cluster.stop()
    assert pid is not None
    assert not alive(pid)
    cluster.start()
    assert kept_row(cluster.owner_url()) == 42


def test_a_committed_row_survives_the_kill_of_the_postmaster(data: Path) -> None:
    with Cluster(data) as cluster:
        keep_a_row(cluster.owner_url())
        assert postmaster(cluster)
        os.kill(postmaster(cluster), signal.SIGKILL)
        assert wait_until(lambda: not cluster.running)
        cluster.start()
        assert kept_row(cluster.owner_url()) == 42


def test_a_stale_pid_file_with_another_process_is_ignored(cluster: Cluster) -> None:
    cluster.stop()
    folder = cluster.data / "server" / "cluster"
    (folder / "postmaster.pid").write_text(f"{os.getpid()}\n{folder}\n1\n5432\n\n\n1 1\n")
    cluster.start()
    assert postmaster(cluster) in processes_of(folder.resolve())


def test_an_interrupted_initialisation_is_repeated(data: Path) -> None:
    (data / "server" / "cluster.new" / "base").mkdir(parents=True)
    with Cluster(data, durable=False) as cluster:
        assert ask(cluster.owner_url(), "SELECT 1") == 1


@pytest.mark.parametrize("name", ["a b, 'c'", "long" * 40])
def test_any_path_is_accepted_and_no_socket_is_left(open_folder: Path, name: str) -> None:
    with Cluster(open_folder / name, durable=False) as cluster:
        socket = Path(str(conninfo_to_dict(cluster.owner_url())["host"]))
        assert ask(cluster.owner_url(), "SELECT 1") == 1
        cluster.stop()
        assert not socket.exists()
        cluster.start()
        assert ask(cluster.owner_url(), "SELECT 1") == 1


def test_a_data_folder_may_be_moved_and_copied(cluster: Cluster, open_folder: Path) -> None:
    keep_a_row(cluster.owner_url())
    cluster.stop()
    for place in (open_folder / ("deep" * 30) / "data", open_folder / "back"):
        shutil.copytree(cluster.data, place, symlinks=True)
        with Cluster(place, durable=False) as copy:
            assert kept_row(copy.owner_url()) == 42


def test_a_folder_in_use_is_refused_with_the_process_that_uses_it(cluster: Cluster) -> None:
    with pytest.raises(LauncherError, match=f"is in use by process {os.getpid()}"):
        Cluster(cluster.data).start()


def test_data_of_another_major_version_are_refused(data: Path) -> None:
    folder = data / "server" / "cluster"
    folder.mkdir(parents=True)
    (folder / "PG_VERSION").write_text("16\n")
    with pytest.raises(LauncherError, match="written by PostgreSQL 16, and this is PostgreSQL 18"):
        Cluster(data).start()
