"""The worker's periodic tasks: deleting old rows, and checks.

Rows are deleted in batches, within the time limits of the server's role.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.contrib.sessions.backends.db import SessionStore

from larder.core.clock import now
from larder.db import kept_files
from larder.db.idempotency import delete_expired
from larder.identity.services.attempts import delete_idle
from larder.identity.services.sessions import delete_past_sessions
from larder.inventory import queries as inventory
from larder.ops.books import invariants
from larder.orders.services.cart import expire_carts
from larder.relay.services import deliveries
from larder.worker.tasks import Task

logger = logging.getLogger(__name__)

BATCH = 5_000
"""Rows that one statement deletes, in about 50 ms."""

MOST_BATCHES = 200
"""After a million rows a task ends, so that others can run."""


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


def delete_old_rows() -> dict[str, float]:
    """Deletes files that were not confirmed, expired idempotency keys (those of orders do not
    expire), sessions that can no longer be refreshed, counts of attempts that have gone back to
    zero, old deliveries, and carts that were not changed for a long time or whose account was
    deleted. Returns how many rows."""
    moment = now()
    kept_files.delete_old(now=moment)
    SessionStore.clear_expired()
    deleted = delete_in_batches(delete_idle)
    for delete in (
        *(delete_expired, delete_past_sessions),
        *(deliveries.delete_old, expire_carts),
    ):
        deleted += delete_in_batches(partial(delete, now=moment))
    return {"deleted": deleted}


def look_at_stock() -> dict[str, float]:
    """Counts the products that are out of stock or low, for `/metrics` and the admin."""
    sold, out, low = inventory.out_of_stock()
    return {"sold": sold, "out": out, "low": low}


def check_invariants() -> dict[str, float]:
    """Logs an error for each violated invariant, and returns how many rows violate each, for
    `/metrics`; `manage.py check_invariants` shows the rows."""
    report = invariants.check()
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
    return {finding.invariant.name: finding.violations for finding in report.findings}


TASKS = (
    Task("stock", timedelta(minutes=1), look_at_stock),
    Task("old_rows", timedelta(minutes=10), delete_old_rows),
    Task("invariants", timedelta(hours=1), check_invariants),
)
