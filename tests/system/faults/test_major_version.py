"""The steps of docs/how-to/runbooks/postgresql-upgrade.md, to the next major version."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system.faults.copies import prepare, target
from tests.system.faults.shop import PASSWORD, open_shop, served_by
from tools.backup import dump, restore
from tools.errors import LauncherError
from tools.local_postgres import Cluster, binaries

FORMER = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
"""Other versions of PostgreSQL, from Debian's packages."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user can pass through."""
    made = Path(tempfile.mkdtemp(prefix="larder-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@contextmanager
def former_version(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Larder when it came with an earlier version of PostgreSQL."""
    programs = FORMER[0].parent
    major = int(programs.parent.name)
    install = folder / binaries.PACKAGE / f"pginstall{major}"
    install.mkdir(parents=True)
    (install / "bin").symlink_to(programs)
    with monkeypatch.context() as patch:
        patch.setattr(binaries, "MAJOR", major)
        patch.setattr(binaries, "find", lambda: binaries.Binaries(folder))
        yield


@pytest.mark.skipif(not FORMER, reason="no other version of PostgreSQL: install postgresql")
def test_a_shop_moves_to_the_next_major_version(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder / "larder.dump"
    with (
        former_version(folder, monkeypatch),
        Cluster(folder / "former", durable=False) as former,
    ):
        prepare(former)
        with open_shop(former) as shop:
            lines = [{"product": shop.product, "quantity": 2}]
            order = shop.server.call("POST", "orders", {"lines": lines}, token=shop.access).body
        dump.make(former.owner_url(), file)

    with pytest.raises(LauncherError, match="make backup"):
        Cluster(folder / "former", durable=False).start()

    with Cluster(folder / "new", durable=False) as new:
        restore.restore(file, target(new), confirm="")
        with served_by(new) as server:
            token = server.token(shop.username, PASSWORD)
            assert server.call("GET", f"orders/{order['id']}", token=token).body == order
            left = server.call("GET", f"products/{shop.product}", token=token).body["quantity"]
            assert left == 1_000_000 - 2
            placed = server.call("POST", "orders", {"lines": lines}, token=token)
            assert (placed.status, placed.body["number"]) == (201, order["number"] + 1)
