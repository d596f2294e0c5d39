"""A cluster's databases as a backup sees them, and the copies that are made to prove one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg

from larder.local.postgresql import Cluster, temporary_cluster
from tests.database import patient
from tests.system.faults.conftest import ROOT
from tools.backup import dump
from tools.backup.restore import Target

TIMEOUT = 60.0
"""Seconds until something must have happened, on a loaded machine."""


def target(cluster: Cluster) -> Target:
    return Target(cluster.owner_url(), cluster.app_url())


def names(cluster: Cluster) -> set[str]:
    """The databases that are there."""
    with psycopg.connect(cluster.owner_url("postgres")) as owner:
        return {row[0] for row in owner.execute("SELECT datname FROM pg_database")}


def copies(cluster: Cluster) -> set[str]:
    """Those that are made to prove a backup."""
    return {name for name in names(cluster) if name.startswith("larder_restored")}


def backed_up(folder: Path) -> Iterator[tuple[Cluster, Path]]:
    """A shop with nothing in it, and its backup."""
    file = folder / "larder.dump"
    with temporary_cluster() as cluster:
        prepare(cluster)
        dump.make(cluster.owner_url(), file)
        yield cluster, file


def prepare(cluster: Cluster, **settings: str) -> None:
    app, owner = patient(cluster.app_url()), patient(cluster.owner_url())
    urls = settings | {"DATABASE_URL": app, "OWNER_DATABASE_URL": owner}
    command = [sys.executable, str(ROOT / "manage.py"), "prepare"]
    subprocess.run(command, env=os.environ | urls, check=True, stdout=subprocess.DEVNULL)
