"""A replica that starts long after it was copied receives the log since then."""

from pathlib import Path

from tests.system.replica.standby import ask, catch_up, change
from tools.local_postgres import Cluster
from tools.local_postgres.standby import standby


def test_the_primary_keeps_the_log_for_a_replica_that_has_not_started(
    primary: Cluster, tmp_path: Path
) -> None:
    late = standby(primary, tmp_path / "late")
    for _ in range(3):
        change(primary, "SELECT pg_logical_emit_message(true, 'test', '')")
        change(primary, "SELECT pg_switch_wal()")
    change(primary, "CHECKPOINT")
    written = ask(primary, "SELECT pg_current_wal_lsn()")
    with late:
        catch_up(primary, late)
        assert ask(late, f"SELECT pg_last_wal_replay_lsn() >= '{written}'") == "True"
