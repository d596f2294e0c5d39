"""A backup can be restored with other names of roles and database, and with a single role."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from larder.local.postgresql import Cluster, temporary_cluster
from tests.server import Server
from tests.system.faults.copies import prepare
from tests.system.faults.shop import PASSWORD, open_shop
from tools.backup import dump, restore
from tools.backup.restore import Target

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

OWNERS = """
SELECT DISTINCT r.rolname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
"""


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, int]]:
    """A backup of a shop, a customer of it and a product."""
    file = tmp_path_factory.mktemp("backup") / "larder.dump"
    with temporary_cluster() as cluster:
        prepare(cluster)
        with open_shop(cluster) as shop:
            dump.make(cluster.owner_url(), file)
            yield file, shop.username, shop.product


def others(cluster: Cluster, app: str) -> Target:
    """An empty database `shop` that `keeper` owns, and what the server is to be called there."""
    with psycopg.connect(cluster.superuser_url(), autocommit=True) as superuser:
        superuser.execute("CREATE ROLE keeper LOGIN CREATEDB CREATEROLE PASSWORD 'a'")
        superuser.execute("CREATE DATABASE shop OWNER keeper")
        superuser.execute("DROP DATABASE larder")
        superuser.execute("DROP ROLE larder_owner")
    _, _, rest = cluster.owner_url("shop").partition("@")
    return Target(f"postgresql://keeper:a@{rest}", f"postgresql://{app}@{rest}")


@pytest.mark.parametrize("app", ["till:b", "keeper:a"], ids=["two roles", "one role"])
def test_a_backup_can_be_restored_under_other_names(
    app: str, backup: tuple[Path, str, int]
) -> None:
    file, username, product = backup
    with temporary_cluster() as cluster:
        target = others(cluster, app)
        assert restore.restore(file, target, confirm="").former is None
        with psycopg.connect(target.owner) as owner:
            assert owner.execute(OWNERS.encode()).fetchall() == [("keeper",)]
        environment = {"DATABASE_URL": target.app, "OWNER_DATABASE_URL": target.owner}
        with Server(workers=2, environment=environment) as server:
            token = server.token(username, PASSWORD)
            body = {"lines": [{"product": product, "quantity": 1}]}
            assert server.call("POST", "orders", body, token=token).status == 201
            listed = server.call("GET", "orders", token=token).body["results"]
            assert len(listed) == 1
        # In its place once more, now that it is not empty.
        done = restore.restore(file, target, confirm="shop")
        assert str(done.former).startswith("shop_before_")
