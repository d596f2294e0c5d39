"""Backups during service, and restores that are proved before they replace a database."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from larder.local.postgresql import Cluster, temporary_cluster
from larder.local.terminal import LauncherError
from tests.server import Reply, Server
from tests.system.faults.copies import TIMEOUT, backed_up, copies, names, prepare, target
from tests.system.faults.load import Load
from tests.system.faults.shop import PASSWORD, Shop, served_by
from tools.backup import databases, dump, manifest, restore
from tools.processes import wait_until

STOCK = 1_000_000
CUSTOMERS = 8


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, Path]]:
    """A shop with nothing in it, and its backup."""
    yield from backed_up(tmp_path_factory.mktemp("backup"))


@pytest.fixture
def copy(small: tuple[Cluster, Path], tmp_path: Path) -> Path:
    """That backup, to be damaged."""
    _, file = small
    for source in (file, manifest.beside(file)):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    return tmp_path / file.name


def tell(file: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Changes what a manifest says."""
    content = json.loads(manifest.beside(file).read_text())
    change(content)
    manifest.beside(file).write_text(json.dumps(content))


def refused(file: Path, cluster: Cluster, words: str, *, confirm: str = "larder") -> None:
    """The restore says why not, and leaves everything as it was."""
    before = names(cluster)
    with pytest.raises(LauncherError, match=words):
        restore.restore(file, target(cluster), confirm=confirm)
    assert names(cluster) == before


def test_an_incomplete_or_changed_file_is_refused(small: tuple[Cluster, Path], copy: Path) -> None:
    cluster, file = small
    content = file.read_bytes()
    copy.write_bytes(content[:-1])
    refused(copy, cluster, "was not copied to its end")
    copy.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    refused(copy, cluster, "has another SHA-256")
    copy.unlink()
    refused(copy, cluster, "is missing")
    manifest.beside(copy).unlink()
    refused(copy, cluster, "copy larder.dump and larder.dump.json together")


def test_a_database_with_data_is_replaced_only_with_confirmation(
    small: tuple[Cluster, Path],
) -> None:
    cluster, file = small
    refused(file, cluster, "set CONFIRM=larder", confirm="")
    refused(file, cluster, "set CONFIRM=larder", confirm="yes")


def test_a_database_in_use_is_not_replaced(small: tuple[Cluster, Path]) -> None:
    cluster, file = small
    with psycopg.connect(cluster.app_url()):
        refused(file, cluster, "A session is connected to larder: larder_app")


def test_a_backup_of_a_later_version_is_refused(small: tuple[Cluster, Path], copy: Path) -> None:
    cluster, _ = small
    tell(copy, lambda expected: expected["migrations"].append("orders.9999_tomorrow"))
    refused(copy, cluster, "does not know orders.9999_tomorrow")


def test_a_restored_database_is_compared_with_every_row_of_the_backup(
    small: tuple[Cluster, Path], copy: Path
) -> None:
    """A row that was lost on the way, and one that changed."""
    cluster, _ = small
    tell(copy, lambda expected: expected["tables"]["public.django_migrations"].__setitem__(0, 1))
    refused(copy, cluster, r"public.django_migrations has \d+ rows, not 1\.")
    rows = manifest.Manifest(**json.loads(manifest.beside(copy).read_text())).rows
    assert rows > 0
    tell(copy, lambda expected: expected["tables"].update({"public.django_migrations": [0, "1"]}))
    refused(copy, cluster, "Rows are not those of the backup")


def test_a_backup_never_overwrites_another(small: tuple[Cluster, Path]) -> None:
    cluster, file = small
    with pytest.raises(LauncherError, match="exists already"):
        dump.make(cluster.owner_url(), file)


def test_a_database_without_larder_is_not_backed_up(
    small: tuple[Cluster, Path], tmp_path: Path
) -> None:
    cluster, _ = small
    url = databases.elsewhere(cluster.owner_url(), "postgres")
    with pytest.raises(LauncherError, match="There is no Larder in database postgres"):
        dump.make(url, tmp_path / "larder.dump")
    assert list(tmp_path.iterdir()) == []


def test_a_backup_is_readable_only_by_its_owner(small: tuple[Cluster, Path]) -> None:
    _, file = small
    assert {path.stat().st_mode & 0o777 for path in (file, manifest.beside(file))} == {0o600}


def place_again(server: Server, load: Load, key: str) -> Reply:
    """What a phone does that never heard of any restore."""
    body = {"lines": [{"product": load.product, "quantity": 1}]}
    headers = {"Idempotency-Key": key}
    return server.call("POST", "orders", body, token=load.token, headers=headers)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_backup_under_load_is_one_snapshot_and_can_be_restored_elsewhere(
    shop: Shop, cluster: Cluster, tmp_path: Path
) -> None:
    file = tmp_path / "larder.dump"
    load = Load(shop.server, shop.access, shop.product)
    since = shop.server.call("GET", "orders/changes?since=", token=shop.access).body["since"]
    with load.running(CUSTOMERS):
        load.wait_for(100)
        before = dict(load.acknowledged)
        dump.make(cluster.owner_url(), file)
        during = len(load.acknowledged) - len(before)
        load.wait_for(50)
    assert during > 0, "no order was placed while the backup was made"
    with temporary_cluster() as other:
        assert restore.restore(file, target(other), confirm="").former is None
        with psycopg.connect(other.owner_url()) as owner:
            # What earlier tests have left is not counted.
            asked = "SELECT order_id FROM order_line WHERE product_id = %s"
            keys = {str(row[0]) for row in owner.execute(asked, [shop.product])}
            (left,) = owner.execute(
                "SELECT available FROM stock WHERE product_id = %s", [shop.product]
            ).fetchone() or (None,)
        assert set(before.values()) <= keys <= set(load.acknowledged.values())
        assert left == STOCK - len(keys)
        with served_by(other) as server:
            load.token = server.token(shop.username, PASSWORD)
            expired = server.call("GET", f"orders/changes?since={since}", token=load.token)
            assert (expired.status, expired.body["code"]) == (410, "since_expired")
            key, id = next(iter(before.items()))
            again = place_again(server, load, key)
            assert (again.status, again.body["id"]) == (201, id)
            assert again.headers["idempotency-replayed"] == "true"
            new = place_again(server, load, "after-the-restore")
            assert new.status == 201
            assert new.body["id"] not in load.acknowledged.values()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_confirmed_restore_replaces_the_database_and_keeps_the_former_one(
    small: tuple[Cluster, Path],
) -> None:
    cluster, file = small
    with psycopg.connect(cluster.owner_url()) as owner:
        owner.execute("CREATE TABLE public.life_since (id int)")
    (oid,) = _ask(cluster, "SELECT oid FROM pg_database WHERE datname = 'larder'")
    former = restore.restore(file, target(cluster), confirm="larder").former
    assert former is not None
    assert names(cluster) >= {"larder", former}
    assert _ask(cluster, "SELECT to_regclass('public.life_since')") == (None,)
    assert _ask(cluster, "SELECT oid FROM pg_database WHERE datname = 'larder'") != (oid,)
    elsewhere = databases.elsewhere(cluster.owner_url(), former)
    with psycopg.connect(elsewhere) as old:
        assert old.execute("SELECT count(*) FROM public.life_since").fetchone() == (0,)
    databases.drop_forcibly(cluster.owner_url(), former)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_backup_that_violates_invariants_is_not_put_in_place(tmp_path: Path) -> None:
    """The backup is what was there, faithfully; who restores it must know its content."""
    file = tmp_path / "larder.dump"
    with temporary_cluster() as cluster:
        prepare(cluster, DEMO="1")
        with psycopg.connect(cluster.owner_url()) as owner:
            owner.execute("UPDATE stock SET available = available + 1 WHERE product_id = 1")
        dump.make(cluster.owner_url(), file)
        refused(file, cluster, "Invariants do not hold")


def _ask(cluster: Cluster, question: str) -> Any:
    with psycopg.connect(cluster.owner_url()) as owner:
        return owner.execute(question.encode()).fetchone()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_proving_a_backup_reads_only_the_copy(small: tuple[Cluster, Path]) -> None:
    """A shop that went on is not its backup: it has a table too much."""
    cluster, file = small
    before = names(cluster)
    with psycopg.connect(cluster.owner_url()) as connection:
        connection.execute("CREATE TABLE public.life_since (id int)")
    try:
        assert restore.prove(file, target(cluster)).rows > 0
    finally:
        with psycopg.connect(cluster.owner_url()) as connection:
            connection.execute("DROP TABLE public.life_since")
    assert names(cluster) == before


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_database_filled_during_the_proof_is_not_replaced(small: tuple[Cluster, Path]) -> None:
    _, file = small
    with temporary_cluster() as other, ThreadPoolExecutor(1) as session:
        filled = session.submit(_fill, other)
        refused(file, other, "Database larder is not empty", confirm="")
        filled.result()
        assert _ask(other, "SELECT count(*) FROM public.meanwhile") == (0,)


def _fill(cluster: Cluster) -> None:
    """Makes a table in the shop's database, once a backup is being restored beside it."""
    assert wait_until(lambda: bool(copies(cluster)), TIMEOUT)
    with psycopg.connect(cluster.owner_url()) as owner:
        owner.execute("CREATE TABLE public.meanwhile (id int)")


def test_a_manifest_of_another_format_is_refused(copy: Path) -> None:
    tell(copy, lambda expected: expected.update(format=2))
    with pytest.raises(LauncherError, match="has format 2"):
        manifest.read(copy)
    tell(copy, lambda expected: expected.pop("tables"))
    with pytest.raises(LauncherError, match=r"larder\.dump\.json cannot be read"):
        restore.check(copy)
