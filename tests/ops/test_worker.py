"""The worker: a real process on the database of the test, with the app role."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from larder.core.clock import now as clock
from larder.core.ids import CORRELATION_ID
from larder.db import database, idempotency, observations
from larder.db.idempotency import Claim, Scope
from larder.ops import tasks
from larder.ops.health import WORKER_SILENT_AFTER
from larder.worker.relay import HEARTBEAT
from larder.worker.tasks import Task, run_task
from tests.conftest import Api, Person
from tests.ops.worker import heeds_term, worker
from tools.processes import wait_until

pytestmark = pytest.mark.system

LONG_AGO = timedelta(days=40)


def _stored_key(expires_at: datetime | None) -> None:
    claim = Claim(Scope(uuid4(), "POST /x", "k"), b"", "1", expires_at)
    with transaction.atomic():
        idempotency.claim([claim], now=clock())


def _keys() -> int:
    return int(database.rows("SELECT count(*) FROM idempotency_key")[0][0])


def test_readyz_reports_whether_a_worker_is_alive(
    transactional_db: None, api: Api, tmp_path: Path
) -> None:
    def alive() -> bool:
        return bool(api("GET", "/readyz").body["worker"]["alive"])

    assert not alive()
    with worker(tmp_path / "log"):
        assert wait_until(alive)


def test_a_killed_worker_is_reported_after_several_missed_heartbeats(
    transactional_db: None, api: Api
) -> None:
    assert timedelta(seconds=3 * HEARTBEAT) <= WORKER_SILENT_AFTER
    for age, alive in ((WORKER_SILENT_AFTER / 2, True), (WORKER_SILENT_AFTER * 2, False)):
        observations.note("worker", {}, now=clock() - age)
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
    with worker(tmp_path / "log"):
        assert wait_until(lambda: _keys() == 2)
        assert wait_until(lambda: database.rows("SELECT count(*) FROM rate_limit") == [(1,)])
        assert wait_until(lambda: database.rows("SELECT count(*) FROM session") == [(1,)])


def _open_session(who: Any, opened: datetime) -> None:
    database.execute(
        "INSERT INTO session (id, customer_id, door, generation, created_at, rotated_at,"
        " expires_at) VALUES (gen_random_uuid(), %s, 'v1', 0, %s, %s, %s)",
        [who.pk, opened, opened, opened + timedelta(days=30)],
    )


def test_a_task_that_fails_is_logged_with_an_id_and_runs_again_after_its_period(
    db: None, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> dict[str, float]:
        ids.append(CORRELATION_ID.get())
        return {"rate": 1 / 0}

    ids: list[str | None] = []
    task = Task("any", timedelta(hours=1), fail)
    for _ in range(2):
        assert run_task(task) > clock() + timedelta(minutes=59)
    assert caplog.messages == ["The task any failed. It runs again after its period."] * 2
    assert len({*ids} - {None}) == 2


def test_a_task_that_another_worker_did_waits_for_its_period(db: None) -> None:
    runs = iter(range(2))
    task = Task("any", timedelta(hours=1), lambda: {"runs": next(runs)})
    assert run_task(task) == run_task(task)
    assert next(runs) == 1
    observations.note("any", {}, now=clock() - timedelta(hours=2))
    assert run_task(task) > clock()


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
    with worker(tmp_path / "log") as process:
        assert wait_until(lambda: heeds_term(process.pid))
        line = {"product": jam, "quantity": 2}
        asked = {"lines": [line], "payment": {"required": True, "hold_seconds": 1}}
        path = customer("POST", "orders", asked).headers["Location"]
        assert wait_until(lambda: customer("GET", f"products/{jam}").body["quantity"] == 2)
    types = [event["type"] for event in customer("GET", f"{path}/events").body["results"]]
    assert types == ["held", "expired"]
