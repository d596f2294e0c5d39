"""A separate PostgreSQL and servers for the fault tests."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from larder.local.postgresql import Cluster
from tests.system.faults.proxied_shop import ProxiedShop, open_proxied
from tests.system.faults.shop import Shop, open_shop, prepare
from tools.processes import postmaster, wait_until

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def prepared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A PostgreSQL with an empty shop in it; durable, for it will be killed."""
    with Cluster(tmp_path_factory.mktemp("faults") / "postgresql") as cluster:
        prepare(cluster)
        yield cluster


@pytest.fixture
def cluster(prepared_cluster: Cluster) -> Iterator[Cluster]:
    """The same, running before and after the test."""
    prepared_cluster.start()
    yield prepared_cluster
    prepared_cluster.start()


@pytest.fixture
def shop(cluster: Cluster) -> Iterator[Shop]:
    """A server on that cluster, with a customer and a product."""
    with open_shop(cluster) as opened:
        yield opened


@pytest.fixture(scope="module")
def opened_proxy(prepared_cluster: Cluster) -> Iterator[ProxiedShop]:
    """A server whose connections to that cluster a test can lose."""
    prepared_cluster.start()
    with open_proxied(prepared_cluster) as opened:
        yield opened


@pytest.fixture
def proxied(opened_proxy: ProxiedShop) -> Iterator[ProxiedShop]:
    """The same, with a connection of the test's own."""
    yield opened_proxy
    opened_proxy.server.hang_up()


def kill(cluster: Cluster) -> None:
    """Kill -9 of the postmaster; its other processes end by themselves."""
    assert postmaster(cluster)
    os.kill(postmaster(cluster), signal.SIGKILL)
    assert wait_until(lambda: not cluster.running, 60), "PostgreSQL survived kill -9"
