"""A replica of a running cluster."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from larder.local import programs
from larder.local.postgresql import Cluster
from larder.local.unprivileged import hand_over

SETTINGS = {"wal_retrieve_retry_interval": "100ms"}
"""After the primary was away, or another took its place, it is looked for this often."""


def standby(primary: Cluster, data: Path, *, settings: Mapping[str, str] | None = None) -> Cluster:
    """Copy a running cluster into the new folder `data`; the replica is not started yet.

    A separate replication slot makes the primary keep the log that it has not yet received.
    It is not durable: what it loses in a crash the primary still has. Raises LauncherError.
    """
    (data / "server").mkdir(parents=True)
    hand_over(data / "server")
    programs.run(
        "pg_basebackup",
        f"--pgdata={data / 'server' / 'cluster'}",
        f"--dbname={primary.superuser_url()}",
        *("--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"),
        *("--create-slot", f"--slot=standby_{secrets.token_hex(4)}"),
    )
    shutil.copy(primary.data / "passwords.json", data)
    return Cluster(data, durable=False, settings=SETTINGS | dict(settings or {}))
