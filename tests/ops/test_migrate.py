"""A migration does not stop a shop while it waits for a lock, can be undone, and refuses a former
database."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

import psycopg
import pytest

from larder.local.postgresql import Cluster
from larder.ops.management.commands.migrate import FORMER, PAUSE, REFUSED
from tests.database import patient
from tests.server import ROOT
from tools.with_database import temporary_cluster

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
        env=os.environ | urls | {"DJANGO_SETTINGS_MODULE": "larder.config.settings"},
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
def index_under_way(cluster: Cluster) -> Iterator["psycopg.Connection[tuple[int]]"]:
    """A transaction that locks the orders against writers and stays open."""
    with psycopg.connect(cluster.owner_url("larder")) as holder:
        holder.execute('LOCK TABLE orders."order" IN SHARE MODE')
        yield holder


def test_requests_are_answered_while_a_migration_cannot_lock(cluster: Cluster) -> None:
    finish(manage(cluster, "migrate", "orders", "0001_tables"))
    with index_under_way(cluster) as holder, psycopg.connect(cluster.owner_url("larder")) as reader:
        reader.autocommit = True
        # A request behind an attempt waits for at most LOCK_TIMEOUT.
        reader.execute("SET statement_timeout = '5s'")
        migration = manage(cluster, "migrate", "-v", "0")
        until = monotonic() + 15
        while monotonic() < until:
            reader.execute(READ)
            sleep(0.1)
        assert migration.poll() is None
        holder.rollback()
    assert f"A table is locked. Next attempt in {PAUSE} s.\n" in finish(migration)
    with psycopg.connect(cluster.owner_url("larder")) as reader:
        triggers = "SELECT count(*) FROM pg_trigger WHERE tgname = 'never_deleted'"
        assert reader.execute(triggers).fetchall() == [(2,)]


def test_all_migrations_can_be_undone_and_made_again(cluster: Cluster) -> None:
    finish(manage(cluster, "migrate", "common", "zero"))
    schemas = "SELECT count(*) FROM pg_namespace WHERE nspname IN ('common', 'orders')"
    with psycopg.connect(cluster.owner_url("larder")) as owner:
        assert owner.execute(schemas).fetchall() == [(0,)]
    finish(manage(cluster, "prepare"))


def test_a_database_of_a_version_before_the_tables_is_refused(cluster: Cluster) -> None:
    with psycopg.connect(cluster.owner_url("larder")) as owner:
        owner.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, now())", FORMER
        )
    command = manage(cluster, "prepare")
    _, errors = command.communicate(timeout=120)
    with psycopg.connect(cluster.owner_url("larder")) as owner:
        owner.execute("DELETE FROM django_migrations WHERE (app, name) = (%s, %s)", FORMER)
    assert (command.returncode, errors) == (1, f"CommandError: {REFUSED}\n")
