"""Expires holds, before each pass of the relay: a job would be a row for each time."""

from larder.core.clock import now
from larder.orders.services.expire_holds import expire_holds

BATCH = 200
"""Orders of one call of `expire_holds`, which leaves out those that another one has locked."""

MOST_BATCHES = 100
"""Batches of one pass."""


def expire_due() -> int:
    """Expires what is due, in batches. Returns the number of orders."""
    total = 0
    for _ in range(MOST_BATCHES):
        expired = expire_holds(now=now(), limit=BATCH)
        total += expired
        if expired < BATCH:
            break
    return total
