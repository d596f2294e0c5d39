"""The job worker: a real process on the database of the test, with the app role."""

import inspect
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import transaction
from procrastinate.contrib.django import app
from procrastinate.worker import Worker

from larder.core.clock import now as clock
from larder.db import database, idempotency
from larder.db.idempotency import Claim, Scope
from larder.ops import tasks
from larder.ops.health import WORKER_SILENT_AFTER
from tests.conftest import Api, Person
from tests.database import superuser_url
from tests.ops.job_worker import _heeds_term, add_job, defer_job, job_worker, run_waiting_jobs
from tools.processes import wait_until

pytestmark = pytest.mark.system

LONG_AGO = timedelta(days=40)


def _stored_key(expires_at: datetime | None) -> None:
    claim = Claim(Scope(uuid4(), "POST /x", "k"), b"", "1", expires_at)
    with transaction.atomic():
        idempotency.claim([claim], now=clock())


def _keys() -> int:
    return int(database.rows("SELECT count(*) FROM idempotency_key")[0][0])


def _status(job: int) -> tuple[str, int] | None:
    rows = database.rows("SELECT status, attempts FROM procrastinate_jobs WHERE id = %s", [job])
    return rows[0] if rows else None


def test_readyz_reports_whether_a_worker_is_alive(
    transactional_db: None, api: Api, tmp_path: Path
) -> None:
    def alive() -> bool:
        return bool(api("GET", "/readyz").body["worker"]["alive"])

    assert not alive()
    with job_worker(tmp_path / "log"):
        assert wait_until(alive)
    assert not alive()


def test_a_killed_worker_is_reported_after_several_missed_heartbeats(
    transactional_db: None, api: Api
) -> None:
    beat = inspect.signature(Worker).parameters["update_heartbeat_interval"].default
    assert timedelta(seconds=3 * beat) <= WORKER_SILENT_AFTER
    for age, alive in ((WORKER_SILENT_AFTER / 2, True), (WORKER_SILENT_AFTER * 2, False)):
        database.execute("DELETE FROM procrastinate_workers")
        database.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (%s)", [clock() - age]
        )
        assert api("GET", "/readyz").body["worker"]["alive"] is alive


def test_a_worker_deletes_only_expired_rows(
    transactional_db: None, person: Callable[..., Person], tmp_path: Path
) -> None:
    who = person().customer
    for opened in (clock() - LONG_AGO, clock()):
        _open_session(who, opened)
    for expires_at in (clock() - timedelta(hours=1), clock() + timedelta(hours=1), None):
        _stored_key(expires_at)
    database.execute(
        "INSERT INTO rate_limit SELECT gen_random_uuid(), now() + make_interval(hours => hours)"
        " FROM unnest('{-1, 1}'::int[]) AS hours"
    )
    with job_worker(tmp_path / "log"):
        assert wait_until(lambda: _keys() == 2)
        assert wait_until(lambda: database.rows("SELECT count(*) FROM rate_limit") == [(1,)])
        assert wait_until(lambda: database.rows("SELECT count(*) FROM session") == [(1,)])


def _open_session(who: Any, opened: datetime) -> None:
    database.execute(
        "INSERT INTO session (id, customer_id, door, generation, created_at, rotated_at,"
        " expires_at) VALUES (gen_random_uuid(), %s, 'v1', 0, %s, %s, %s)",
        [who.pk, opened, opened, opened + timedelta(days=30)],
    )


def test_the_hourly_check_logs_an_error_for_violated_invariants(
    transactional_db: None, tmp_path: Path
) -> None:
    defer_job("check_invariants")
    healthy = _about("invariants hold", run_waiting_jobs(tmp_path / "first"))
    database.execute(
        "INSERT INTO idempotency_key (actor, operation, key, fingerprint, result, created_at)"
        " VALUES (gen_random_uuid(), 'POST /x', 'k', '', '', now())"
    )
    defer_job("check_invariants")
    violated = _about("invariant is violated", run_waiting_jobs(tmp_path / "second"))
    # In the minutes after the full hour the worker does it once more by itself.
    assert {line["level"] for line in healthy} == {"info"}
    assert {(line["level"], line["invariant"], line["violations"]) for line in violated} == {
        ("error", "no_claim_is_left_open", 1)
    }


def _about(words: str, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if words in line["event"]]


def test_jobs_that_ended_or_lost_their_worker_long_ago_are_deleted(transactional_db: None) -> None:
    old = [add_job("check_invariants", status) for status in ("succeeded", "failed", "doing")]
    waits, recent = (add_job("check_invariants", status) for status in ("todo", "failed"))
    database.execute(
        "INSERT INTO procrastinate_events (job_id, type, at)"
        " SELECT id, 'failed', now() FROM procrastinate_jobs"
    )
    database.execute(
        "UPDATE procrastinate_events SET at = now() - interval '73 hours' WHERE job_id <> %s",
        [recent],
    )
    tasks.delete_old_rows(timestamp=0)
    assert [_status(job) for job in old] == [None] * 3
    assert None not in (_status(waits), _status(recent))


def test_the_worker_waits_for_jobs_on_a_separate_connection(
    transactional_db: None, tmp_path: Path
) -> None:
    direct = f"{os.environ['DATABASE_URL']}&application_name=direct"

    def listening() -> bool:
        with psycopg.connect(superuser_url()) as superuser:
            listeners = superuser.execute(
                "SELECT query FROM pg_stat_activity WHERE application_name = 'direct'"
            ).fetchall()
        return any("LISTEN" in query for (query,) in listeners)

    with job_worker(tmp_path / "log", WORKER_DATABASE_URL=direct):
        assert wait_until(listening)


def test_every_task_of_larder_has_a_schedule() -> None:
    known = {name for name in app.tasks if name.startswith("larder.ops.")}
    timed = {task.task.name for task in app.periodic_registry.periodic_tasks.values()}
    assert known == timed


def test_no_statement_deletes_more_than_a_batch(db: None) -> None:
    for _ in range(5):
        _stored_key(clock() - timedelta(hours=1))
    assert idempotency.delete_expired(now=clock(), limit=2) == 2
    assert _keys() == 3


@pytest.mark.parametrize(
    ("there", "statements"),
    [(0, 1), (3, 1), (tasks.BATCH, 2), (10**9, tasks.MOST_BATCHES)],
)
def test_deleting_continues_until_no_row_is_left_or_the_limit_is_reached(
    there: int, statements: int
) -> None:
    left, asked = there, []

    def delete(limit: int) -> int:
        nonlocal left
        asked.append(limit)
        deleted = min(limit, left)
        left -= deleted
        return deleted

    assert tasks.delete_in_batches(delete) == there - left
    assert asked == [tasks.BATCH] * statements


def test_a_worker_expires_holds_within_a_second(
    transactional_db: None,
    customer: Api,
    product: Callable[..., int],
    tmp_path: Path,
) -> None:
    """Status, events and stock follow without a request that needs the units."""
    jam, path = product(stock=2), ""
    with job_worker(tmp_path / "log") as process:
        assert wait_until(lambda: _heeds_term(process.pid))
        line = {"product": jam, "quantity": 2}
        asked = {"lines": [line], "payment": {"required": True, "hold_seconds": 1}}
        path = customer("POST", "orders", asked).headers["Location"]
        assert wait_until(lambda: customer("GET", f"products/{jam}").body["quantity"] == 2)
    types = [event["type"] for event in customer("GET", f"{path}/events").body["results"]]
    assert types == ["held", "expired"]
