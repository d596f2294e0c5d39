"""The user that runs PostgreSQL: three ways for root, ordinary users, users without a name."""

from __future__ import annotations

import pwd
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.tools.processes import Start, end_line, needs_root, python_for
from tools.local_postgres import Cluster

NAMELESS = 54321

pytestmark = [pytest.mark.system, needs_root]


def unprivileged() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")


def works(cluster: Cluster) -> bool:
    with psycopg.connect(cluster.owner_url()) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def server_uid(cluster: Cluster) -> int:
    assert cluster.pid is not None
    return Path(f"/proc/{cluster.pid}").stat().st_uid


def test_root_runs_postgresql_in_a_namespace_and_owns_the_files(data: Path) -> None:
    with Cluster(data, durable=False, road="namespace") as cluster:
        assert works(cluster)
        assert (data / "server" / "cluster").stat().st_uid == 0


def test_root_falls_back_to_an_unprivileged_user_with_the_data_in_place(open_folder: Path) -> None:
    with Cluster(open_folder / "data", durable=False, road="nobody") as cluster:
        assert works(cluster)
        assert server_uid(cluster) == unprivileged().pw_uid
        assert not (open_folder / "data" / "server").is_symlink()


def test_data_that_the_unprivileged_user_cannot_reach_are_moved(
    tmp_path: Path, open_folder: Path
) -> None:
    data = tmp_path / "data"
    shelter = open_folder / "shelter"
    with Cluster(data, durable=False, road="nobody", shelters=[shelter]) as cluster:
        assert works(cluster)
        assert (data / "server").resolve().parent == shelter
        cluster.stop()
        cluster.start()
        assert works(cluster)


@pytest.mark.parametrize("uid", [unprivileged().pw_uid, NAMELESS])
def test_ordinary_and_nameless_users_run_postgresql_directly(
    start: Start, open_folder: Path, uid: int
) -> None:
    process = as_user(start, uid, open_folder / "data")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("postgresql://larder_owner")
    assert server_uid(Cluster(open_folder / "data")) == uid


def test_data_of_another_user_are_refused(start: Start, open_folder: Path) -> None:
    data = open_folder / "data"
    (data / "server").mkdir(parents=True)
    data.chmod(0o777)
    said = end_line(as_user(start, unprivileged().pw_uid, data))
    assert "it belongs to user root, this is user nobody" in said


def launcher(data: Path) -> list[str | Path]:
    return [sys.executable, "-m", "tools.local_postgres", "start", "--data", data, "--fast"]


def as_user(start: Start, uid: int, data: Path) -> subprocess.Popen[str]:
    return start(
        *launcher(data)[2:],
        python=python_for(uid),
        user=uid,
        group=uid,
        extra_groups=[],
        env={"PATH": "/usr/bin:/bin"},
    )
