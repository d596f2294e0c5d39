"""The worker's periodic tasks (UTC): deleting old rows, and checks.

Rows are deleted in batches, within the time limits of the server's role. Tasks can be repeated: if
a task is cut off, the next one does the rest.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from django.contrib.sessions.backends.db import SessionStore
from procrastinate import JobContext, builtin_tasks
from procrastinate.contrib.django import app
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

from larder.core.clock import now
from larder.db import kept_files, observations
from larder.db.idempotency import delete_expired
from larder.identity.services.attempts import delete_idle
from larder.identity.services.sessions import delete_past_sessions
from larder.inventory import queries as inventory
from larder.notifications.services import SEND_MAIL, delete_old_mails
from larder.ops.books import invariants
from larder.orders.services.cart import expire_carts
from larder.relay.services import deliveries
from larder.worker import mails

logger = logging.getLogger(__name__)

BATCH = 5_000
"""Rows that one statement deletes, in about 50 ms."""

MOST_BATCHES = 200
"""After a million rows a job ends, so that other jobs can run."""

KEEP_FINISHED_JOBS = 72
"""Hours for which finished and failed jobs are kept."""

MOST_ATTEMPTS = 5
"""How often a job is started if workers are killed while they run it."""


def delete_in_batches(delete: Callable[..., int]) -> int:
    """Calls `delete` with a limit until it deletes fewer rows. Returns the number of deleted
    rows."""
    total = 0
    for _ in range(MOST_BATCHES):
        deleted = delete(limit=BATCH)
        total += deleted
        if deleted < BATCH:
            break
    return total


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="delete_old_rows")
def delete_old_rows(timestamp: int) -> int:
    """Deletes files that were not confirmed, expired idempotency keys (those of orders do not
    expire), sessions that can no longer be refreshed, counts of attempts that have gone back to
    zero, old mails, old deliveries, and carts that were not changed for a long time or whose
    account was deleted."""
    moment = now()
    kept_files.delete_old(now=moment)
    SessionStore.clear_expired()
    deleted = delete_in_batches(delete_idle)
    for delete in (
        *(delete_expired, delete_past_sessions, delete_old_mails),
        *(deliveries.delete_old, expire_carts),
    ):
        deleted += delete_in_batches(partial(delete, now=moment))
    return deleted


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="look_at_stock")
def look_at_stock(timestamp: int) -> None:
    """Counts the products that are out of stock or low, for `/metrics` and the admin."""
    sold, out, low = inventory.out_of_stock()
    observations.note("stock", {"sold": sold, "out": out, "low": low}, now=now())


@app.periodic(cron="7 * * * *")
@app.task(queueing_lock="check_invariants")
def check_invariants(timestamp: int) -> None:
    """Logs an error for each violated invariant, and stores the results for `/metrics`;
    `manage.py check_invariants` shows the rows."""
    began, report = now(), invariants.check()
    violations = {finding.invariant.name: finding.violations for finding in report.findings}
    observations.note("invariants", violations, now=began)
    for finding in report.violated:
        details = {
            "invariant": finding.invariant.name,
            "violations": finding.violations,
            "means": finding.invariant.means,
            "look_at": finding.invariant.look_at,
            "do": "Run manage.py check_invariants: it shows the rows. Repair nothing before the"
            " cause is known.",
        }
        logger.error("An invariant is violated.", extra={"details": details})
    if not report.violated:
        checked = {"seconds": round(report.seconds, 1), **report.looked_at}
        logger.info("All invariants hold.", extra={"details": checked})


@app.periodic(cron="37 * * * *")
@app.task(queueing_lock="delete_finished_jobs", pass_context=True)
async def delete_finished_jobs(context: JobContext, timestamp: int) -> None:
    """Deletes jobs that ended long ago, whether they succeeded or failed."""
    await builtin_tasks.remove_old_jobs(
        context,
        max_hours=KEEP_FINISHED_JOBS,
        remove_failed=True,
        remove_cancelled=True,
        remove_aborted=True,
    )


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="retry_stalled_jobs", pass_context=True)
async def retry_stalled_jobs(context: JobContext, timestamp: int) -> None:
    """Starts jobs again whose worker was killed: it sends no heart-beat.

    Source: procrastinate's documentation, "Retry stalled jobs".
    """
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs():
        retried = await _try_again(manager, job)
        details = {
            "job": job.id,
            "task": job.task_name,
            "retried": retried,
            "do": _IF_KILLED if retried else _IF_GIVEN_UP + _IF_KILLED,
        }
        logger.warning("A worker was killed at a job.", extra={"details": details})


_IF_GIVEN_UP = (
    "It is not started again. A periodic task continues at its next time, a mail is lost. "
)
_IF_KILLED = "If this repeats, look for what kills the worker, such as too little memory."


_OWN_RETRIES = {SEND_MAIL: mails.RETRIES}
"""Tasks that start again periodically, so they need no retry after a worker was killed."""


async def _try_again(manager: JobManager, job: Job) -> bool:
    """Starts the job again, unless it was started too often, because the job itself may kill
    workers; and unless the next job of its kind already waits. Returns whether it did."""
    if job.attempts < MOST_ATTEMPTS + _OWN_RETRIES.get(job.task_name, 0):
        with suppress(UniqueViolation):
            await manager.retry_job(job)
            return True
    await manager.finish_job(job, Status.FAILED, delete_job=False)
    return False
