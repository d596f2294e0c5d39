"""Runs a commit: a separate PostgreSQL, a shop, its server, customers who are logged in."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import servers
from benchmarks.installation import (
    Amount,
    Checkout,
    environment_of,
    fill,
    make_shop,
    running_cluster,
)
from benchmarks.servers import Server
from benchmarks.sessions import Sessions
from benchmarks.shop import PASSWORD, Shop
from tools.local_postgres import Cluster
from tools.ports import free_port

SERVER_COMMAND = """
import json, os
from tools.run.settings import from_environment
from tools.run.supervisor import server_command
print(json.dumps(server_command(from_environment(os.environ))))
"""
CHOSEN = ("WORKERS", "THREADS", "DB_POOL_SIZE")
"""What both take from the environment if it is there; otherwise each has its own defaults."""


@dataclass(frozen=True, slots=True)
class Site:
    """Everything up and ready. `filled` orders were there before the first measurement."""

    checkout: Checkout
    cluster: Cluster
    environment: dict[str, str]
    shop: Shop
    filled: int
    larder: Server
    sessions: Sessions


@contextmanager
def open_site(folder: Path, checkout: Checkout, amount: Amount) -> Iterator[Site]:
    """Starts everything below `folder`; it ends with the block. Raises LauncherError."""
    with running_cluster(folder) as cluster:
        environment = environment_of(cluster, None)
        environment |= {name: os.environ[name] for name in CHOSEN if os.environ.get(name)}
        checkout.run(["manage.py", "prepare"], environment)
        shop = make_shop(environment, amount, checkout)
        filled = fill(cluster, shop, amount.orders, checkout)
        port = free_port()
        answers = checkout.run(["-c", SERVER_COMMAND], environment | {"PORT": str(port)})
        log = folder / "larder.log"
        with servers.running(
            json.loads(answers), port, environment, log, checkout.folder
        ) as larder:
            sessions = Sessions(larder.port, shop.usernames, PASSWORD, shop.cashier)
            yield Site(checkout, cluster, environment, shop, filled, larder, sessions)
