"""Rate limits that all processes and servers share: how often something may be tried.

A bucket holds `rate.times` tries and fills again evenly, all of it in `rate.seconds`. What is
kept of it is one moment: when it will be full again (the generic cell rate algorithm of ATM's
traffic management). Nothing counts that was refused, so whoever goes on too fast has to wait and
is never shut out.

The rows are in an unlogged table: they cost no log and no wait for a disk, and after a crash of
the database everybody begins with full buckets. The clock is the database's, one for all.
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
    """So many tries at once, and as many again over so many seconds."""

    times: int
    seconds: int

    @property
    def spacing(self) -> float:
        """Seconds until one more try is there."""
        return self.seconds / self.times


class Bucket(NamedTuple):
    """What is counted under a key. `excuse`: a mark (see `Store.settle`) that lets it pass.
    `window`: where a cache counted the try that was taken from it."""

    key: UUID
    rate: Rate
    excuse: UUID | None = None
    window: int | None = None


@dataclass
class RateLimited(DomainError):
    """Too many tries. `wait` is in seconds: after it the next one is taken."""

    wait: float
    code = "throttled"

    @property
    def retry_after(self) -> int:
        """Whole seconds, at least one."""
        return max(1, math.ceil(self.wait))


class Store(Protocol):
    """Where buckets are."""

    def take(self, buckets: Sequence[Bucket]) -> list[Bucket]:
        """Takes one try from each bucket, or from none. Returns those it took from, as `settle`
        puts them back.

        Raises RateLimited.
        """

    def settle(self, back: Collection[Bucket], mark: UUID | None = None) -> None:
        """Puts back a try of each bucket. Buckets that name `mark` as their excuse are not
        counted any more, for as long as MARKS_LAST."""


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
"""From every bucket or from none, as far as this statement sees: a refusal writes nothing. Of
those that see the same moment the row's lock lets one after the other through, and each looks
again at what the one before left; by then another of its buckets may be a try short, which fills
again by itself. Rows are inserted in the order of their keys, so nobody waits in a circle. The
millisecond makes up for what rounding to microseconds adds.

The plan it relies on: a few rows of arrays, each found by the primary key.
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
"""A mark is written at most once a day."""

_DELETE_IDLE = """
DELETE FROM rate_limit WHERE key IN (
    SELECT key FROM rate_limit WHERE until < statement_timestamp()
    ORDER BY until LIMIT %s FOR UPDATE SKIP LOCKED
)
RETURNING 1
"""


class InDatabase:
    """Buckets in the shop's own database."""

    def take(self, buckets: Sequence[Bucket]) -> list[Bucket]:
        """One statement, whatever the buckets."""
        parameters = [
            (one.key, one.rate.spacing, float(one.rate.seconds), one.excuse) for one in buckets
        ]
        seen = database.rows(_TAKE, database.columns(parameters))
        refused = [(wait, spacing) for _, taken, wait, spacing in seen if not taken]
        if refused:
            # Those that looked at the same moment wait for the next try to come.
            waits = [wait for wait, _ in refused if wait > 0] or [spacing for _, spacing in refused]
            raise RateLimited(max(waits))
        counted = {row[0] for row in seen}
        return [one for one in buckets if one.key in counted]

    def settle(self, back: Collection[Bucket], mark: UUID | None = None) -> None:
        """One statement, or none where there is nothing to do."""
        if not back and mark is None:
            return
        keys, spacings = [one.key for one in back], [one.rate.spacing for one in back]
        marks = [] if mark is None else [mark]
        database.execute(_SETTLE, [keys, spacings, MARKS_LAST, marks])


def delete_idle(*, limit: int) -> int:
    """Deletes up to `limit` buckets that are full again, and marks past their time.

    Returns how many.
    """
    return len(database.rows(_DELETE_IDLE, [limit]))
