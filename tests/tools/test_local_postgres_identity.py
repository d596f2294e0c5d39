"""The user that runs PostgreSQL: three ways for root, ordinary users, users without a name."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.tools.processes import Start, end_line, needs_root, python_for
from tools.local_postgres import Cluster, LauncherError, binaries, identity
from tools.local_postgres.binaries import PACKAGE, Binaries
from tools.local_postgres.identity import Identity, find_place

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


def private_copy(folder: Path) -> Binaries:
    """PostgreSQL's programs in a checkout that only root can enter."""
    folder.mkdir(mode=0o700)
    original = binaries.find()
    for name in (PACKAGE, f"{PACKAGE}.libs"):
        shutil.copytree(original.site / name, folder / name, symlinks=True)
    return Binaries(folder)


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


def test_a_copy_of_a_folder_with_moved_data_is_refused(open_folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shelters = [open_folder / "shelter"]
    with Cluster(data, durable=False, road="nobody", shelters=shelters) as cluster:
        shutil.copytree(data, tmp_path / "copy", symlinks=True)
        with pytest.raises(LauncherError, match="is a copy of"):
            Cluster(tmp_path / "copy", durable=False, road="nobody", shelters=shelters).start()
        assert works(cluster)


def test_existing_data_is_moved_away_and_back_to_root(tmp_path: Path, open_folder: Path) -> None:
    data = tmp_path / "data"
    shelter = [open_folder / "shelter"]
    for road, owner in (("namespace", 0), ("nobody", unprivileged().pw_uid), ("namespace", 0)):
        with Cluster(data, durable=False, road=road, shelters=shelter) as cluster:
            assert works(cluster)
            assert (data / "server" / "cluster" / "PG_VERSION").stat().st_uid == owner


def test_programs_that_the_unprivileged_user_cannot_reach_are_copied_once(
    tmp_path: Path, open_folder: Path
) -> None:
    hidden = private_copy(tmp_path / "site-packages")
    data = open_folder / "data"
    data.mkdir()
    places = [
        find_place(hidden, data, road="nobody", shelters=[open_folder / "shelter"])
        for _ in range(2)
    ]
    assert {place.binaries.site.parent for place in places} == {open_folder / "shelter"}
    assert len(list((open_folder / "shelter").iterdir())) == 1
    assert places[0].identity.can_run(places[0].binaries, reaching=data)


def test_root_runs_postgresql_as_the_owner_of_the_checkout(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.chown(open_folder, unprivileged().pw_uid, unprivileged().pw_gid)
    monkeypatch.setattr(identity, "CHECKOUT", open_folder)
    open_folder.chmod(0o700)
    with Cluster(open_folder / "data", durable=False) as cluster:
        assert works(cluster)
        assert server_uid(cluster) == unprivileged().pw_uid


def test_root_gets_advice_if_no_folder_can_be_reached(data: Path) -> None:
    with pytest.raises(LauncherError, match="run as an ordinary user, or set DATABASE_URL"):
        Cluster(data, road="closed").start()


@pytest.mark.parametrize("uid", [unprivileged().pw_uid, NAMELESS])
def test_ordinary_and_nameless_users_run_postgresql_directly(
    start: Start, open_folder: Path, uid: int
) -> None:
    process = as_user(start, uid, open_folder / "data")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("postgresql://larder_owner")
    assert server_uid(Cluster(open_folder / "data")) == uid


def test_a_folder_without_write_permission_is_reported_with_one_line(
    start: Start, open_folder: Path
) -> None:
    open_folder.chmod(0o755)
    said = end_line(as_user(start, unprivileged().pw_uid, open_folder / "data"))
    assert said.count("\n") == 1
    assert "user nobody may not write there" in said


def test_data_of_another_user_are_refused(start: Start, open_folder: Path) -> None:
    data = open_folder / "data"
    (data / "server").mkdir(parents=True)
    data.chmod(0o777)
    said = end_line(as_user(start, unprivileged().pw_uid, data))
    assert "it belongs to user root, this is user nobody" in said


@pytest.mark.parametrize(
    ("options", "reason"),
    [("ro", "its file system is read-only"), ("size=8m", "256 MB are needed")],
)
def test_a_read_only_disk_is_reported_with_one_line(
    tmp_path: Path, options: str, reason: str
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = f"mount -t tmpfs -o {options} none '{disk}' && exec \"$@\""
    tried = subprocess.run(
        ["unshare", "--mount", "sh", "-c", command, "sh", *launcher(disk / "data")],
        cwd=identity.CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    if "mount" in tried.stderr or "unshare" in tried.stderr:
        pytest.skip(f"nothing can be mounted here: {tried.stderr.strip()}")
    assert tried.returncode == 1
    assert tried.stderr.count("\n") == 1
    assert reason in tried.stderr


def test_an_identity_that_the_kernel_refuses_is_not_used() -> None:
    assert not Identity("impossible", 1, 1, ("--drop=4294967295:1",)).exists()


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
