"""`make backup`, `make backup/prove`, `make restore` and `make restore/accounts`, as documented."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from larder.local.postgresql import Cluster
from tests.system.faults.copies import prepare

pytestmark = pytest.mark.system

CHECKOUT = Path(__file__).resolve().parents[2]

OF_ITS_OWN = {
    name: value
    for name, value in os.environ.items()
    if name not in {"MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS"}
}
"""The environment, without what a `make test` around this one hands down."""

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def shop(initialised: Path, data: Path) -> Iterator[Cluster]:
    """The database of a `make run`, running and prepared."""
    shutil.copytree(initialised, data / "postgresql")
    with Cluster(data / "postgresql", durable=False) as cluster:
        prepare(cluster)
        yield cluster


def make(target: str, shop: Cluster, **variables: str) -> str:
    """Run a target with these variables on the shop's data folder; return what it printed."""
    settings = {"DATA": str(shop.data.parent), "VENV": sys.prefix, "install": "true", **variables}
    assigned = [f"{name}={value}" for name, value in settings.items()]
    without = {"DATABASE_URL", "OWNER_DATABASE_URL", "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        ["make", "--no-print-directory", target, *assigned],
        cwd=CHECKOUT,
        env={name: value for name, value in OF_ITS_OWN.items() if name not in without},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def categories(shop: Cluster) -> int:
    with psycopg.connect(shop.owner_url()) as owner:
        row = owner.execute("SELECT count(*) FROM catalog.category").fetchone()
    assert row is not None
    return int(row[0])


@needs_make
@pytest.mark.slow
def test_make_creates_proves_and_restores_backups(shop: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "of monday.dump"
    assert str(file) in make("backup", shop, FILE=str(file))
    assert str(shop.data.parent / "backups") in make("backup", shop)
    assert "can be restored" in make("backup/prove", shop, FILE=str(file))
    with psycopg.connect(shop.owner_url()) as owner:
        owner.execute("INSERT INTO catalog.category (name, version) VALUES ('Later', 1)")
    assert categories(shop) == 1
    make("restore", shop, FILE=str(file), CONFIRM="larder")
    assert categories(shop) == 0
