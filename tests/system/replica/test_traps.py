"""Behaviour of PostgreSQL on which reads from replicas depend."""

import psycopg

from tests.system.replica.standby import ask, change
from tools.local_postgres import Cluster
from tools.processes import wait_until

SNAPSHOT = "SELECT pg_current_snapshot()"
WRITTEN = "SELECT pg_current_wal_flush_lsn()"
COUNT = "SELECT count(*) FROM public.trap"


def test_the_snapshot_of_a_replica_does_not_show_new_commits(
    primary: Cluster, replica: Cluster
) -> None:
    """So a page of the cache is known to be current by what was replayed
    (larder/v1/page_cache.py)."""
    change(primary, "CREATE TABLE public.trap (number int)")
    url = primary.superuser_url("larder")
    with psycopg.connect(url) as first, psycopg.connect(url) as second:
        first.execute("INSERT INTO public.trap VALUES (1)")
        second.execute("INSERT INTO public.trap VALUES (2)")
        change(primary, "INSERT INTO public.trap VALUES (3)")
        before = seen(primary, replica)
        second.commit()
        after = seen(primary, replica)
        first.rollback()
    change(primary, "DROP TABLE public.trap")
    assert (before[1], after[1]) == ("1", "2")
    assert before[0] == after[0], "then a snapshot would do"


def seen(primary: Cluster, replica: Cluster) -> tuple[str, str]:
    """The replica's snapshot and the rows of the trap, with all replayed; takes no transaction."""
    replayed = f"SELECT pg_last_wal_replay_lsn() >= '{ask(primary, WRITTEN)}'"
    assert wait_until(lambda: ask(replica, replayed) == "True")
    return ask(replica, SNAPSHOT), ask(replica, COUNT)
