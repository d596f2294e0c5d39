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
from typing import NamedTuple, Protocol
from uuid import UUID

from larder.core.errors import DomainError
from larder.db import database


class Rate(NamedTuple):
    """A limit: `times` attempts at once, and `times` again within `seconds`."""

    times: int
    seconds: int

    @property
    def spacing(self) -> float:
        """Seconds until the bucket has one more attempt."""
        return self.seconds / self.times


class Bucket(NamedTuple):
    """A counter of attempts. `excuse`: a mark (see `Store.settle`) that makes it not count.
    `window`: the time window in which a cache counted the attempt."""

    key: UUID
    rate: Rate
    excuse: UUID | None = None
    window: int | None = None


@dataclass
class RateLimited(DomainError):
    """Too many attempts. After `wait` seconds the next one is accepted."""

    wait: float
    code = "throttled"

    @property
    def retry_after(self) -> int:
        """Whole seconds, at least one."""
        return max(1, math.ceil(self.wait))


class Store(Protocol):
    """Stores buckets."""

    def take(self, buckets: Sequence[Bucket]) -> list[Bucket]:
        """Takes one attempt from each bucket, or from none. Returns the buckets that it took from,
        for `settle`.

        Raises RateLimited.
        """

    def settle(self, back: Collection[Bucket], mark: UUID | None = None) -> None:
        """Gives one attempt back to each bucket. For MARKS_LAST, buckets with `mark` as their
        excuse no longer count."""


MARKS_LAST = timedelta(days=30)

_TAKE = """
WITH asked AS (
    SELECT key, make_interval(secs => spacing) AS spacing, make_interval(secs => room) AS room,
           statement_timestamp() AS now
    FROM unnest(%s::uuid[], %s::float8[], %s::float8[], %s::uuid[])
         AS bucket (key, spacing, room, excuse)
    WHERE NOT EXISTS (SELECT FROM rate_limit AS mark
                      WHERE mark.key = bucket.excuse AND mark.until > statement_timestamp())
), seen AS (
    SELECT asked.*, greatest(rate_limit.until, now) + spacing - room - now AS wait
    FROM asked LEFT JOIN rate_limit USING (key)
), taken AS (
    INSERT INTO rate_limit AS held (key, until)
    SELECT key, now + spacing FROM seen
    WHERE (SELECT max(wait) FROM seen) <= interval '1 ms'
    ORDER BY key
    ON CONFLICT (key) DO UPDATE
    SET until = greatest(held.until, statement_timestamp())
              + (excluded.until - statement_timestamp())
    WHERE greatest(held.until, statement_timestamp())
              + (excluded.until - statement_timestamp()) - statement_timestamp()
       <= (SELECT room + interval '1 ms' FROM asked WHERE asked.key = excluded.key)
    RETURNING key
)
SELECT seen.key, taken.key IS NOT NULL, extract(epoch FROM wait)::float8,
       extract(epoch FROM spacing)::float8
FROM seen LEFT JOIN taken USING (key)
"""
"""Takes an attempt from every bucket or from none, in the state that the statement sees. A refusal
writes nothing. Concurrent statements take the row locks one after the other, and each checks the
row again. By then another one of its buckets may have lost an attempt; that refills by itself. Rows
are inserted in the order of their keys, so there is no deadlock. The millisecond compensates for
rounding to microseconds.

Plan: a few rows of arrays, each found by the primary key.
"""

_SETTLE = """
WITH held AS (
    SELECT key, spacing FROM rate_limit JOIN unnest(%s::uuid[], %s::float8[])
         AS bucket (key, spacing) USING (key)
    ORDER BY key FOR UPDATE OF rate_limit
), given_back AS (
    UPDATE rate_limit SET until = rate_limit.until - make_interval(secs => held.spacing)
    FROM held WHERE rate_limit.key = held.key
)
INSERT INTO rate_limit AS held (key, until)
SELECT mark, statement_timestamp() + %s FROM unnest(%s::uuid[]) AS mark
ON CONFLICT (key) DO UPDATE SET until = excluded.until
WHERE held.until < excluded.until - interval '1 day'
"""
"""Writes a mark at most once a day."""

_DELETE_IDLE = """
DELETE FROM rate_limit WHERE key IN (
    SELECT key FROM rate_limit WHERE until < statement_timestamp()
    ORDER BY until LIMIT %s FOR UPDATE SKIP LOCKED
)
RETURNING 1
"""


class InDatabase:
    """Stores buckets in the shop's database."""

    def take(self, buckets: Sequence[Bucket]) -> list[Bucket]:
        """Takes the attempts with one statement."""
        parameters = [
            (one.key, one.rate.spacing, float(one.rate.seconds), one.excuse) for one in buckets
        ]
        seen = database.rows(_TAKE, database.columns(parameters))
        refused = [(wait, spacing) for _, taken, wait, spacing in seen if not taken]
        if refused:
            # Concurrent attempts that passed the first check wait for the next refill.
            waits = [wait for wait, _ in refused if wait > 0] or [spacing for _, spacing in refused]
            raise RateLimited(max(waits))
        counted = {row[0] for row in seen}
        return [one for one in buckets if one.key in counted]

    def settle(self, back: Collection[Bucket], mark: UUID | None = None) -> None:
        """Settles with one statement, or with none if there is nothing to do."""
        if not back and mark is None:
            return
        keys, spacings = [one.key for one in back], [one.rate.spacing for one in back]
        marks = [] if mark is None else [mark]
        database.execute(_SETTLE, [keys, spacings, MARKS_LAST, marks])


def delete_idle(*, limit: int) -> int:
    """Deletes up to `limit` rows: full buckets and expired marks. Returns their number."""
    return len(database.rows(_DELETE_IDLE, [limit]))
