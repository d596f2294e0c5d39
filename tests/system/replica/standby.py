"""A streaming replica that lags, hangs, or is still."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from larder.local.postgresql import Cluster
from tools.processes import children, postmaster, wait_until


def ask(cluster: Cluster, sql: str) -> str:
    """What the superuser is answered, as text."""
    with psycopg.connect(cluster.superuser_url("larder"), autocommit=True) as connection:
        row = connection.execute(sql.encode()).fetchone()
    return "" if row is None else str(row[0])


def change(cluster: Cluster, sql: str) -> None:
    """Carries out a statement as the superuser."""
    with psycopg.connect(cluster.superuser_url("larder"), autocommit=True) as connection:
        connection.execute(sql.encode())


@contextmanager
def paused(replica: Cluster) -> Iterator[None]:
    """The replica receives what is written and shows none of it, until the block ends."""
    change(replica, "SELECT pg_wal_replay_pause()")
    assert wait_until(lambda: ask(replica, "SELECT pg_get_wal_replay_pause_state()") == "paused")
    try:
        yield
    finally:
        change(replica, "SELECT pg_wal_replay_resume()")


@contextmanager
def delayed(replica: Cluster, milliseconds: int) -> Iterator[None]:
    """The replica shows each commit so much later."""
    change(replica, f"ALTER SYSTEM SET recovery_min_apply_delay = '{milliseconds}ms'")
    change(replica, "SELECT pg_reload_conf()")
    # The process that replays reads its settings a little later, and does not say when.
    time.sleep(0.5)
    try:
        yield
    finally:
        change(replica, "ALTER SYSTEM RESET recovery_min_apply_delay")
        change(replica, "SELECT pg_reload_conf()")


def catch_up(primary: Cluster, replica: Cluster) -> None:
    """Waits until the replica has replayed all that is written now."""
    written = ask(primary, "SELECT pg_current_wal_insert_lsn()")
    # So that what was written is sent, however little it is.
    change(primary, "SELECT pg_logical_emit_message(true, 'test', '')")
    assert wait_until(
        lambda: ask(replica, f"SELECT pg_last_wal_replay_lsn() >= '{written}'") == "True"
    )


def processes(cluster: Cluster) -> list[int]:
    """The postmaster and all its children."""
    main = postmaster(cluster)
    return [main, *children(main)]


@contextmanager
def frozen(cluster: Cluster) -> Iterator[None]:
    """A machine that hangs: connections stay open, and nothing answers."""
    stopped = processes(cluster)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
