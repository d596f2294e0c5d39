"""A migration does not stop a shop while it waits for a lock, and can be undone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

import psycopg
import pytest

from larder.ops.management.commands.migrate import PAUSE
from tests.database import patient
from tests.server import ROOT
from tools.local_postgres import Cluster, temporary_cluster

pytestmark = pytest.mark.system

READ = "SELECT count(*) FROM orders.order"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A prepared database."""
    with temporary_cluster() as started:
        finish(manage(started, "prepare"))
        yield started


def manage(cluster: Cluster, *command: str) -> "subprocess.Popen[str]":
    urls = {
        "OWNER_DATABASE_URL": patient(cluster.owner_url("larder")),
        "DATABASE_URL": patient(cluster.app_url("larder")),
    }
    return subprocess.Popen(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=os.environ | urls | {"DJANGO_SETTINGS_MODULE": "config.settings"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(command: "subprocess.Popen[str]") -> str:
    """Waits until a command has succeeded. Returns what it wrote about errors."""
    _, errors = command.communicate(timeout=120)
    assert (command.returncode, "Traceback" in errors) == (0, False), errors
    return errors


@contextmanager
def long_report(cluster: Cluster) -> Iterator["psycopg.Connection[tuple[int]]"]:
    """A transaction that has read the orders and stays open."""
    with psycopg.connect(cluster.owner_url("larder")) as report:
        report.execute(READ)
        yield report


def test_requests_are_answered_while_a_migration_cannot_lock(cluster: Cluster) -> None:
    finish(manage(cluster, "migrate", "orders", "0013_due"))
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
    assert f"A table is locked. Next attempt in {PAUSE} s.\n" in finish(migration)
    with psycopg.connect(cluster.owner_url("larder")) as reader:
        made = "SELECT convalidated FROM pg_constraint WHERE conname = 'order_payment_sums'"
        assert reader.execute(made).fetchall() == [(True,)]


RIGHTS = """
SELECT table_name, column_name, grantee::text, privilege_type::text
FROM information_schema.column_privileges
WHERE grantee IN ('larder_app', 'larder_readonly') ORDER BY 1, 2, 3, 4
"""


def rights(cluster: Cluster) -> list[tuple[str, ...]]:
    with psycopg.connect(cluster.owner_url("larder")) as owner:
        return owner.execute(RIGHTS).fetchall()


def test_migrations_that_are_undone_and_made_again_leave_the_same_rights(cluster: Cluster) -> None:
    before = rights(cluster)
    finish(manage(cluster, "migrate", "orders", "0017"))
    assert before
    finish(manage(cluster, "migrate", "orders", "0010"))
    finish(manage(cluster, "migrate"))
    assert rights(cluster) == before
