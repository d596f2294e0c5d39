"""The steps of docs/operate/upgrade.md, to the next major version."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from larder.local import archives
from larder.local.postgresql import Cluster
from larder.local.terminal import LauncherError
from tests.system.faults.shop import PASSWORD, open_shop, prepare, served_by

FORMER = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
"""Other versions of PostgreSQL, from Debian's packages."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user can pass through."""
    folder = Path(tempfile.mkdtemp(prefix="larder-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(not FORMER, reason="no other version of PostgreSQL: install postgresql")
def test_a_shop_moves_to_the_next_major_version(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, data = folder / "larder.tar", folder / "new"
    monkeypatch.setenv("POSTGRES_HOME", str(FORMER[0].parents[1]))
    with Cluster(folder / "former", durable=False) as former:
        prepare(former)
        with open_shop(former) as shop:
            lines = [{"product": shop.product, "quantity": 2}]
            order = shop.server.call("POST", "orders", {"lines": lines}, token=shop.access).body
        archives.back_up(former.owner_url(), folder, file)

    monkeypatch.delenv("POSTGRES_HOME")
    with pytest.raises(LauncherError, match="larder backup"):
        Cluster(folder / "former", durable=False).start()

    archives.restore(file, data, "")
    with Cluster(data / "postgresql", durable=False) as new:
        prepare(new)
        with served_by(new) as server:
            token = server.token(shop.username, PASSWORD)
            assert server.call("GET", f"orders/{order['id']}", token=token).body == order
            left = server.call("GET", f"products/{shop.product}", token=token).body["quantity"]
            assert left == 1_000_000 - 2
            placed = server.call("POST", "orders", {"lines": lines}, token=token)
            assert (placed.status, placed.body["number"]) == (201, order["number"] + 1)
