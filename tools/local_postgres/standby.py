"""A streaming replica of a cluster, made as an operator would make one: with pg_basebackup."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from tools import kept
from tools.errors import LauncherError
from tools.local_postgres import binaries
from tools.local_postgres.cluster import Cluster, environment

SETTINGS = {"wal_retrieve_retry_interval": "100ms"}
"""After the primary was away, or another took its place, it is looked for this often."""


def standby(primary: Cluster, data: Path, *, settings: Mapping[str, str] | None = None) -> Cluster:
    """Copy a running cluster into the new folder `data`; the replica is not started yet.

    A separate replication slot makes the primary keep the log that it has not yet received.
    It is not durable: what it loses in a crash the primary still has. Raises LauncherError.
    """
    (data / "server").mkdir(parents=True)
    status, printed = kept.run(
        [
            binaries.find().program("pg_basebackup"),
            f"--pgdata={data / 'server' / 'cluster'}",
            f"--dbname={primary.superuser_url()}",
            *("--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"),
            *("--create-slot", f"--slot=standby_{secrets.token_hex(4)}"),
        ],
        environment=environment(),
    )
    if status != 0:
        raise LauncherError(f"Read why the replica cannot be made: {binaries.last_line(printed)}")
    shutil.copy(primary.data / "passwords.json", data)
    return Cluster(data, durable=False, settings=SETTINGS | dict(settings or {}))
