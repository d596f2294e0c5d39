"""Rate limits in a cache that all servers share (CACHE_URL), instead of in the database.

Redis and Memcached have only counters in common. So attempts are counted in consecutive windows of
`rate.seconds`. As many attempts are possible at once as with the buckets in the database, but they
all come back when the window ends, not one by one.

While the cache is unreachable, the database counts, from zero. The limits hold, and no client is
locked out. An attacker who can stop the cache gains one more bucket.

A thread that waits for the cache holds no connection to the database.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from threading import Lock
from typing import Any
from uuid import UUID

from larder.core import waits
from larder.core.stopwatch import Stopwatch
from larder.identity.services.rates import MARKS_LAST, Bucket, RateLimited, Store

logger = logging.getLogger(__name__)

RETRY_SECONDS = 5.0
"""Seconds for which a failed cache is not used: each attempt would wait for its timeout."""


class InCache:
    """Stores buckets in a cache; in `otherwise` while the cache is unreachable. `clock` returns
    seconds since 1970."""

    def __init__(self, cache: Any, otherwise: Store, clock: Callable[[], float]) -> None:
        self._cache = cache
        self._otherwise = otherwise
        self._clock = clock
        self._since_failure: Stopwatch | None = None
        self._lock = Lock()

    def take(self, buckets: Sequence[Bucket]) -> list[Bucket]:
        """Takes one attempt from each bucket. Raises RateLimited."""
        if self._is_away():
            return self._otherwise.take(buckets)
        waits.begin()
        try:
            return self._take(buckets)
        except RateLimited:
            raise
        except Exception as error:
            self._failed(error)
            return self._otherwise.take(buckets)

    def settle(self, back: Collection[Bucket], mark: UUID | None = None) -> None:
        """Gives each attempt back to the store that counted it, or to none: another store would
        have one too many."""
        elsewhere = [one for one in back if one.window is None]
        if self._is_away():
            self._otherwise.settle(elsewhere, mark)
            return
        self._otherwise.settle(elsewhere)
        waits.begin()
        try:
            self._settle([one for one in back if one.window is not None], mark)
        except Exception as error:
            self._failed(error)

    def _take(self, buckets: Sequence[Bucket]) -> list[Bucket]:
        marks = [str(one.excuse) for one in buckets if one.excuse is not None]
        known = self._cache.get_many(marks) if marks else {}
        counted = [one for one in buckets if one.excuse is None or str(one.excuse) not in known]
        moment = self._clock()
        tries = [one._replace(window=int(moment // one.rate.seconds)) for one in counted]
        full = [one.rate.seconds for one in tries if self._count(one) > one.rate.times]
        if full:
            self._put_back(tries)
            raise RateLimited(max(seconds - moment % seconds for seconds in full))
        return tries

    def _count(self, bucket: Bucket) -> int:
        name = _name(bucket)
        self._cache.add(name, 0, timeout=2 * bucket.rate.seconds)
        return int(self._cache.incr(name))

    def _settle(self, back: Collection[Bucket], mark: UUID | None) -> None:
        self._put_back(back)
        if mark is not None:
            self._cache.set(str(mark), 1, timeout=MARKS_LAST.total_seconds())

    def _put_back(self, buckets: Collection[Bucket]) -> None:
        for one in buckets:
            try:
                self._cache.decr(_name(one))
            except ValueError:
                continue  # its window has expired

    def _is_away(self) -> bool:
        since = self._since_failure
        return since is not None and since.seconds < RETRY_SECONDS

    def _failed(self, error: Exception) -> None:
        with self._lock:
            if not self._is_away():
                logger.warning(
                    "the cache is unreachable: %s. The database limits tries until it answers;"
                    " check CACHE_URL.",
                    type(error).__name__,
                )
            self._since_failure = Stopwatch()


def _name(bucket: Bucket) -> str:
    return f"{bucket.key}:{bucket.window}"
