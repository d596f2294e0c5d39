"""A migration does not stop a shop while it waits for a lock."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

import psycopg
import pytest

from larder.ops.management.commands.migrate import PAUSE
from tests.server import ROOT
from tools.local_postgres import Cluster, temporary_cluster

pytestmark = pytest.mark.system

READ = "SELECT count(*) FROM orders.order"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A prepared database, one migration of orders behind."""
    with temporary_cluster() as started:
        manage(started, "prepare").communicate(timeout=120)
        manage(started, "migrate", "orders", "0013_due").communicate(timeout=60)
        yield started


def manage(cluster: Cluster, *command: str) -> "subprocess.Popen[str]":
    urls = {
        "OWNER_DATABASE_URL": cluster.owner_url("larder"),
        "DATABASE_URL": cluster.app_url("larder"),
    }
    return subprocess.Popen(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=os.environ | urls | {"DJANGO_SETTINGS_MODULE": "config.settings"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def long_report(cluster: Cluster) -> Iterator["psycopg.Connection[tuple[int]]"]:
    """A transaction that has read the orders and stays open."""
    with psycopg.connect(cluster.owner_url("larder")) as report:
        report.execute(READ)
        yield report


def test_requests_are_answered_while_a_migration_cannot_lock(cluster: Cluster) -> None:
    with long_report(cluster) as report, psycopg.connect(cluster.owner_url("larder")) as reader:
        reader.autocommit = True
        # A request behind an attempt waits for at most LOCK_TIMEOUT.
        reader.execute("SET statement_timeout = '5s'")
        migration = manage(cluster, "migrate", "-v", "0")
        until = monotonic() + 15
        while monotonic() < until:
            reader.execute(READ)
            sleep(0.1)
        assert migration.poll() is None
        report.rollback()
    _, errors = migration.communicate(timeout=60)
    assert f"A table is locked. Next attempt in {PAUSE} s.\n" in errors
    assert (migration.returncode, "Traceback" in errors) == (0, False)
    with psycopg.connect(cluster.owner_url("larder")) as reader:
        made = "SELECT convalidated FROM pg_constraint WHERE conname = 'order_payment_sums'"
        assert reader.execute(made).fetchall() == [(True,)]
