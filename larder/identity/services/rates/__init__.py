"""Rate limits in the database, shared by all processes and servers.

A bucket holds `rate.times` attempts. It refills evenly, completely within `rate.seconds`. Only one
time is stored: when the bucket is full again (the generic cell rate algorithm of ATM's traffic
management). Refused attempts do not count, so a client that is too fast must wait, but is never
locked out.

The rows are in an unlogged table: they cost no write-ahead log and no wait for the disk. After a
crash of the database all buckets are full. The clock is that of the database, the same for all.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from larder.core.errors import Limited
from larder.db import database
from larder.identity import sql

__all__ = ["attempts", "networks"]


class Rate(NamedTuple):
    """A limit: `times` attempts at once, and `times` again within `seconds`."""

    times: int
    seconds: int

    @property
    def spacing(self) -> float:
        """Seconds until the bucket has one more attempt."""
        return self.seconds / self.times


class Bucket(NamedTuple):
    """A counter of attempts. `excuse`: a mark (see `settle`) that makes it not count."""

    key: UUID
    rate: Rate
    excuse: UUID | None = None


@dataclass
class RateLimited(Limited):
    """Too many requests. After `wait` seconds the next one is accepted."""

    wait: float
    code = "throttled"

    @property
    def retry_after(self) -> int:
        """Whole seconds, at least one."""
        return max(1, math.ceil(self.wait))


MARKS_LAST = timedelta(days=30)


def take(buckets: Sequence[Bucket]) -> list[Bucket]:
    """Takes one attempt from each bucket, or from none, with one statement. Returns the buckets
    that it took from, for `settle`.

    Raises RateLimited.
    """
    parameters = [
        (bucket.key, bucket.rate.spacing, float(bucket.rate.seconds), bucket.excuse)
        for bucket in buckets
    ]
    seen = database.rows(sql.TAKE_ATTEMPTS, database.columns(parameters))
    refused = [(wait, spacing) for _, taken, wait, spacing in seen if not taken]
    if refused:
        # Concurrent attempts that passed the first check wait for the next refill.
        waits = [wait for wait, _ in refused if wait > 0] or [spacing for _, spacing in refused]
        raise RateLimited(max(waits))
    counted = {row[0] for row in seen}
    return [bucket for bucket in buckets if bucket.key in counted]


def settle(back: Collection[Bucket], mark: UUID | None = None) -> None:
    """Gives one attempt back to each bucket. For MARKS_LAST, buckets with `mark` as their excuse no
    longer count. Runs one statement, or none if there is nothing to do."""
    if not back and mark is None:
        return
    keys, spacings = [bucket.key for bucket in back], [bucket.rate.spacing for bucket in back]
    marks = [] if mark is None else [mark]
    database.execute(sql.SETTLE_ATTEMPTS, [keys, spacings, MARKS_LAST, marks])


def delete_idle(*, limit: int) -> int:
    """Deletes up to `limit` rows: full buckets and expired marks. Returns their number."""
    return len(database.rows(sql.DELETE_IDLE_BUCKETS, [limit]))
