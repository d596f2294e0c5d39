"""Rate limits in a cache that all servers share (CACHE_URL): they ask the database nothing then.

A cache counts, and does nothing else that is the same in Redis and Memcached. So tries are
counted in windows of `rate.seconds`, one after the other: as many at once as in the database's
buckets, and all of them back when the window is over and not one by one.

With the cache away the database counts, from nothing, until it is back: limits hold, and nobody
is shut out. An attacker who could stop the cache would gain one bucket more.

A thread that waits for the cache keeps no connection to the database.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from threading import Lock
from typing import Any
from uuid import UUID

from larder.core import waits
from larder.core.stopwatch import Stopwatch
from larder.identity.rates import MARKS_LAST, Bucket, RateLimited, Store

logger = logging.getLogger(__name__)

LEFT_ALONE = 5.0
"""Seconds for which a cache that failed is not asked again: each try would wait for it."""


class InCache:
    """Buckets in a cache; in `otherwise` while it is away. `clock` tells seconds since 1970."""

    def __init__(self, cache: Any, otherwise: Store, clock: Callable[[], float]) -> None:
        self._cache = cache
        self._otherwise = otherwise
        self._clock = clock
        self._since_failure: Stopwatch | None = None
        self._lock = Lock()

    def take(self, buckets: Sequence[Bucket]) -> list[Bucket]:
        """Raises RateLimited."""
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
        """Each try goes back to where it was counted, or nowhere: else it would make one more."""
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
                continue  # its window is long over

    def _is_away(self) -> bool:
        since = self._since_failure
        return since is not None and since.seconds < LEFT_ALONE

    def _failed(self, error: Exception) -> None:
        with self._lock:
            if not self._is_away():
                logger.warning("the cache is away: %s", type(error).__name__)
            self._since_failure = Stopwatch()


def _name(bucket: Bucket) -> str:
    return f"{bucket.key}:{bucket.window}"
