"""The answer to the commit of a management command is lost."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg

from larder.local.postgresql import Cluster
from tools.wire import Loss, Wire

ROOT = Path(__file__).resolve().parents[3]


def run(wire: Wire, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a management command whose connections go through the wire."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": wire.url},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def count(cluster: Cluster, sql: str) -> int:
    with psycopg.connect(cluster.owner_url()) as owner:
        return int((owner.execute(sql.encode()).fetchone() or [0])[0])


def test_demo_products_with_a_lost_commit_can_be_added_again(cluster: Cluster) -> None:
    products = "SELECT count(*) FROM product"
    before = count(cluster, products)
    with Wire(cluster.app_url()) as wire:
        wire.lose(Loss.ANSWER)
        first = run(wire, "add_products")
        assert (first.returncode, wire.lost) == (1, 1)
        assert "it is not known whether the products were added" in first.stderr
        added = run(wire, "add_products").stdout
        assert added == f"{count(cluster, products) - before} new products\n"
        assert run(wire, "add_products").stdout == "0 new products\n"
