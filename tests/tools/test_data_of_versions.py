"""Shops in one file, and data of other versions."""

from __future__ import annotations

import io
import json
import re
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from larder.local import archives
from larder.local.postgresql import Cluster
from larder.local.terminal import LauncherError
from tests.system.faults.load import Load
from tests.system.faults.shop import PASSWORD, open_shop, prepare, served_by
from tools.with_database import temporary_cluster

pytestmark = pytest.mark.system

LATER = ("later_app", "0001_initial")
LAST = ("orders", "0003_told_refunds")
PICTURE = f"pictures/{'5' * 64}.webp"


@pytest.fixture(scope="module")
def prepared() -> Iterator[Path]:
    """The folder of a stopped cluster with all migrations."""
    with temporary_cluster() as cluster:
        prepare(cluster)
        cluster.stop()
        yield cluster.data


@pytest.fixture
def shop(prepared: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A running cluster in a data folder with a secret key and a picture."""
    monkeypatch.delenv("PICTURES_DIR", raising=False)
    shutil.copytree(prepared, data / "postgresql")
    (data / "secret_key").write_text("a key\n")
    (data / "pictures").mkdir()
    (data / PICTURE).write_bytes(b"a picture")
    with Cluster(data / "postgresql", durable=False) as cluster:
        yield cluster


def execute(cluster: Cluster, statement: str, values: tuple[str, ...]) -> None:
    with psycopg.connect(cluster.owner_url()) as owner:
        assert owner.execute(statement.encode(), values).rowcount == 1


def record(cluster: Cluster, migration: tuple[str, str]) -> None:
    insert = "INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, now())"
    execute(cluster, insert, migration)


def undo(cluster: Cluster, migration: tuple[str, str]) -> None:
    execute(cluster, "DELETE FROM django_migrations WHERE (app, name) = (%s, %s)", migration)


def backups(data: Path) -> list[str]:
    return sorted(path.name for path in data.glob("backups/*"))


def refused(file: Path, place: Path, words: str) -> None:
    """A restore says why not, and leaves nothing behind."""
    before = sorted(place.parent.rglob("*"))
    with pytest.raises(LauncherError, match=words):
        archives.restore(file, place, "")
    assert sorted(place.parent.rglob("*")) == before


def test_a_backup_of_an_open_shop_has_its_orders_when_it_is_restored(
    shop: Cluster, data: Path, open_folder: Path
) -> None:
    with open_shop(shop) as served:
        lines = [{"product": served.product, "quantity": 2}]
        order = served.server.call("POST", "orders", {"lines": lines}, token=served.access).body
        file = archives.back_up(shop.owner_url(), data, None)
    shop.stop()
    assert file.stat().st_mode & 0o777 == 0o600
    assert backups(data) == [file.name]
    copy = open_folder / "copy"
    archives.restore(file, copy, "")
    assert (copy / "secret_key").read_text() == "a key\n"
    assert (copy / PICTURE).read_bytes() == b"a picture"
    with Cluster(copy / "postgresql", durable=False) as restored:
        prepare(restored)
        with served_by(restored) as server:
            # Log-ins have ended, at first this one's.
            refresh = {"refresh": served.refresh}
            assert server.call("POST", "auth/token/refresh", refresh).status == 401
            token = server.token(served.username, PASSWORD)
            assert server.call("GET", f"orders/{order['id']}", token=token).body == order


def test_a_backup_never_overwrites_another(shop: Cluster, data: Path, open_folder: Path) -> None:
    file = open_folder / "shop.tar"
    assert archives.back_up(shop.owner_url(), data, file) == file
    with pytest.raises(LauncherError, match="exists already"):
        archives.back_up(shop.owner_url(), data, file)


def test_a_restore_never_replaces_data(shop: Cluster, data: Path, open_folder: Path) -> None:
    file = archives.back_up(shop.owner_url(), data, open_folder / "shop.tar")
    with pytest.raises(LauncherError, match="in use or not empty"):
        archives.restore(file, data, "")
    assert shop.running


def test_a_database_outside_is_restored_into_an_empty_one_of_another_owner(
    shop: Cluster, data: Path, open_folder: Path
) -> None:
    file = archives.back_up(shop.owner_url(), data, None)
    with psycopg.connect(shop.superuser_url(), autocommit=True) as superuser:
        superuser.execute("CREATE ROLE keeper LOGIN PASSWORD 'its own'")
        superuser.execute("CREATE DATABASE outside OWNER keeper")
    _, _, place = shop.owner_url("outside").partition("@")
    url, copy = f"postgresql://keeper:its%20own@{place}", open_folder / "copy"
    archives.restore(file, copy, url)
    assert (copy / PICTURE).exists()
    with psycopg.connect(url) as keeper, psycopg.connect(shop.owner_url()) as owner:
        assert archives.sums_of(keeper) == archives.sums_of(owner)
    with pytest.raises(LauncherError, match="outside is not empty"):
        archives.restore(file, open_folder / "another", url)


def test_a_backup_whose_rows_are_not_those_of_the_shop_is_refused(
    shop: Cluster, data: Path, open_folder: Path
) -> None:
    file, changed = archives.back_up(shop.owner_url(), data, None), open_folder / "changed.tar"
    with tarfile.open(file) as archive, tarfile.open(changed, "w") as copy:
        for member in archive:
            content = (archive.extractfile(member) or io.BytesIO()).read()
            if member.name == archives.SUMS:
                sums = json.loads(content)
                assert int(sums["public.django_migrations"][0]) > 20
                sums["public.django_migrations"][1] = "1"
                content = json.dumps(sums).encode()
            member.size = len(content)
            copy.addfile(member, io.BytesIO(content))
    refused(changed, open_folder / "copy", "not those of the backup: public.django_migrations")


@pytest.mark.slow
def test_a_backup_under_load_is_one_moment(shop: Cluster, data: Path, open_folder: Path) -> None:
    with open_shop(shop) as served:
        load = Load(served.server, served.access, served.product)
        with load.running(8):
            load.wait_for(100)
            before = set(load.acknowledged.values())
            file = archives.back_up(shop.owner_url(), data, None)
            assert len(load.acknowledged) > len(before)
    archives.restore(file, open_folder / "copy", "")
    with Cluster(open_folder / "copy" / "postgresql", durable=False) as restored:
        prepare(restored)
        with psycopg.connect(restored.owner_url()) as owner:
            orders = {str(id) for (id,) in owner.execute("SELECT order_id FROM order_line")}
            stock = owner.execute("SELECT available FROM stock").fetchone()
    assert before <= orders <= set(load.acknowledged.values())
    assert stock == (1_000_000 - len(orders),)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../secret_key", tarfile.REGTYPE),
        ("/secret_key", tarfile.REGTYPE),
        ("postgresql/passwords.json", tarfile.REGTYPE),
        ("secret_key", tarfile.SYMTYPE),
        ("pictures", tarfile.SYMTYPE),
    ],
)
def test_a_file_with_other_members_is_refused(open_folder: Path, name: str, kind: bytes) -> None:
    file = open_folder / "shop.tar"
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, "/etc/passwd", 0
    with tarfile.open(file, "w") as archive:
        archive.addfile(member, io.BytesIO())
    refused(file, open_folder / "copy", f"is not a backup: {re.escape(repr(name))} is in it")


def test_a_part_of_a_backup_is_refused(shop: Cluster, data: Path, open_folder: Path) -> None:
    whole = archives.back_up(shop.owner_url(), data, open_folder / "whole.tar").read_bytes()
    shop.stop()
    part = open_folder / "part.tar"
    for length in (0, 1024, len(whole) // 2):
        part.write_bytes(whole[:length])
        refused(part, open_folder / "copy", "or not all of it")


def test_the_data_of_a_later_version_are_refused(
    shop: Cluster, data: Path, open_folder: Path
) -> None:
    record(shop, LATER)
    with pytest.raises(LauncherError, match=r"migration later_app\.0001_initial, unknown here"):
        archives.before_upgrade(shop, data)
    assert backups(data) == []
    file = archives.back_up(shop.owner_url(), data, open_folder / "later.tar")
    shop.stop()
    refused(file, open_folder / "copy", "unknown here")


def test_data_are_backed_up_before_migrations_alone_and_three_backups_are_kept(
    shop: Cluster, data: Path
) -> None:
    archives.before_upgrade(shop, data)
    assert backups(data) == []
    former = [f"before-upgrade-000{number}.tar" for number in range(1, 4)]
    (data / "backups").mkdir()
    for name in (*former, "larder-20250101T000000Z.tar"):
        (data / "backups" / name).touch()
    for _ in range(2):
        # The second time, the first upgrade was cut off.
        undo(shop, LAST)
        archives.before_upgrade(shop, data)
        record(shop, LAST)
    *others, new, by_hand = backups(data)
    assert others == former[1:]
    assert by_hand == "larder-20250101T000000Z.tar"
    with tarfile.open(data / "backups" / new) as archive:
        assert archive.getnames() == ["secret_key", PICTURE, "rows.json", "database.dump"]
