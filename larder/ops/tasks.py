"""The worker's periodic tasks (UTC): deleting old rows, and checks.

Rows are deleted in batches, within the time limits of the server's role. Tasks can be repeated: if
a task is cut off, the next one does the rest.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.contrib.sessions.backends.db import SessionStore
from procrastinate.contrib.django import app

from larder.core.clock import now
from larder.db import database, kept_files, observations
from larder.db.idempotency import delete_expired
from larder.identity.services.attempts import delete_idle
from larder.identity.services.sessions import delete_past_sessions
from larder.inventory import queries as inventory
from larder.ops.books import invariants
from larder.orders.services.cart import expire_carts
from larder.relay.services import deliveries

logger = logging.getLogger(__name__)

BATCH = 5_000
"""Rows that one statement deletes, in about 50 ms."""

MOST_BATCHES = 200
"""After a million rows a job ends, so that other jobs can run."""

KEEP_JOBS = timedelta(days=3)
"""Time for which jobs are kept that were run, or whose worker was killed. A task runs again at its
next time."""

DELETE_JOBS = """
DELETE FROM procrastinate_jobs AS job WHERE status <> 'todo' AND NOT EXISTS (
    SELECT FROM procrastinate_events WHERE job_id = job.id AND at > %s)
"""
"""Scans the table, of a few thousand rows, once every ten minutes."""


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
    zero, old deliveries, old jobs, and carts that were not changed for a long time or whose
    account was deleted."""
    moment = now()
    kept_files.delete_old(now=moment)
    SessionStore.clear_expired()
    database.execute(DELETE_JOBS, [moment - KEEP_JOBS])
    deleted = delete_in_batches(delete_idle)
    for delete in (
        *(delete_expired, delete_past_sessions),
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
        logger.info("All invariants hold.", extra={"details": report.looked_at})


@app.task(name="send_mail")
def leave_mail(**_: object) -> None:
    """Does nothing: the relay takes the mail for which a server of release 0.2.0 deferred this."""
