"""Metrics of the whole installation: jobs, worker, replicas, stock, invariants."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from larder.catalog.services.products import archive_product
from larder.core.clock import now as clock
from larder.db import database
from larder.ops import tasks
from larder.ops.books.invariants import INVARIANTS
from larder.ops.telemetry.shop_state import GAUGES, ShopState
from tests.database import analyze
from tests.ops.samples import numbers

MakeProduct = Callable[..., int]


def gauges() -> dict[str, float]:
    """Every sample, asked for anew."""
    registry = CollectorRegistry()
    registry.register(ShopState())
    return numbers(generate_latest(registry).decode())


def job(status: str, *, waits: timedelta = timedelta(0), due: timedelta | None = None) -> None:
    """A job that was deferred so long ago, or that is to be done at a time (from now)."""
    scheduled = None if due is None else clock() + due
    ((id,),) = database.rows(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, status, args, scheduled_at)"
        " VALUES ('default', 't', %s::procrastinate_job_status, '{}', %s) RETURNING id",
        [status, scheduled],
    )
    database.execute(
        "UPDATE procrastinate_events SET at = %s WHERE job_id = %s", [clock() - waits, id]
    )


def test_an_empty_queue_has_depth_0_and_age_0(db: None) -> None:
    values = gauges()
    assert [values[f"larder_jobs {status}"] for status in ("todo", "due", "doing", "failed")] == [
        *(0, 0, 0, 0)
    ]
    assert values["larder_jobs_oldest_due_seconds"] == 0
    assert values["larder_worker_last_heartbeat_timestamp_seconds"] == 0
    assert values["larder_database_up"] == 1


def test_the_age_of_the_queue_is_that_of_the_job_due_first(db: None) -> None:
    hour, minute = timedelta(hours=1), timedelta(minutes=1)
    job("todo", waits=2 * minute)
    job("todo", waits=minute)
    # Deferred long ago for a time that is to come, or came just now; done, or being done.
    job("todo", waits=9 * hour, due=hour)
    job("todo", waits=9 * hour, due=-minute)
    job("doing", waits=9 * hour)
    job("succeeded", waits=9 * hour)
    job("failed", waits=9 * hour)
    values = gauges()
    assert 119 <= values["larder_jobs_oldest_due_seconds"] < 150
    by_status = {name: values[f"larder_jobs {name}"] for name in ("todo", "due", "doing", "failed")}
    assert by_status == {"todo": 4, "due": 3, "doing": 1, "failed": 1}


def test_the_queue_is_read_by_its_index_among_many_finished_jobs(db: None) -> None:
    database.execute(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, status, args)"
        " SELECT 'default', 't', 'succeeded', '{}' FROM generate_series(1, 2000)"
    )
    job("todo")
    analyze("procrastinate_jobs")
    (oldest,) = [gauge.rows for gauge in GAUGES if gauge.name == "larder_jobs_oldest_due_seconds"]
    plan = "\n".join(line for (line,) in database.rows(f"EXPLAIN ANALYZE {oldest}"))
    assert "Rows Removed by Filter: 2000" not in plan
    assert "Seq Scan on procrastinate_jobs" not in plan


def test_the_report_has_the_last_heartbeat_of_the_worker(db: None, now: datetime) -> None:
    database.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (%s)", [now])
    assert gauges()["larder_worker_last_heartbeat_timestamp_seconds"] == now.timestamp()


def test_products_out_of_stock_are_those_on_sale_with_zero_units(
    db: None, product: MakeProduct
) -> None:
    product(stock=3)
    gone, archived = product(stock=0), product(stock=0)
    archive_product(product=archived, caller=None, now=clock())
    tasks.look_at_stock(timestamp=0)
    values = gauges()
    assert gone
    assert (values["larder_products_sold"], values["larder_products_out_of_stock"]) == (2, 1)
    assert abs(values["larder_looked_at_timestamp_seconds stock"] - clock().timestamp()) < 60


def test_each_invariant_has_its_number_of_violations(
    transactional_db: None, caplog: pytest.LogCaptureFixture
) -> None:
    tasks.check_invariants(timestamp=0)
    names = [f"larder_invariant_violations {invariant.name}" for invariant in INVARIANTS]
    assert {gauges()[name] for name in names} == {0}
    database.execute(
        "INSERT INTO idempotency_key (actor, operation, key, fingerprint, result, created_at)"
        " VALUES (gen_random_uuid(), 'POST /x', 'k', '', '', now())"
    )
    tasks.check_invariants(timestamp=0)
    assert gauges()["larder_invariant_violations no_claim_is_left_open"] == 1
    assert "An invariant is violated." in caplog.messages


def test_the_shop_is_not_reported_healthy_before_the_first_check(db: None) -> None:
    values = gauges()
    assert not [name for name in values if name.startswith("larder_invariant_violations")]
    assert "larder_products_out_of_stock" not in values
