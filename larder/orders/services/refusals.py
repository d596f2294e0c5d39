"""Counts refused orders by day and code, for the admin's dashboard.

Placing an order only appends to a list in memory. A thread of each server process adds its counts
to the table (larder/ops/telemetry/metrics.py).
"""

from collections import Counter, deque
from datetime import date, datetime, timedelta
from threading import Lock
from zoneinfo import ZoneInfo

from larder.core import waits
from larder.core.errors import DomainError, Overloaded, UnknownProducts
from larder.db import database
from larder.identity.errors import OrderingNotAllowed
from larder.identity.services.quotas import QuotaExceeded
from larder.inventory.errors import InsufficientStock
from larder.orders.errors import CartEmpty, OrderRule, PriceChanged, UnpaidLimit
from larder.orders.models import RefusedOrders
from larder.orders.sql import daily

_KINDS: tuple[type[DomainError], ...] = (
    *(InsufficientStock, UnknownProducts, PriceChanged, OrderRule, CartEmpty),
    *(OrderingNotAllowed, QuotaExceeded, UnpaidLimit, Overloaded),
)
OTHER = "other"
COUNTED = frozenset({OTHER, *(one.code for one in _KINDS)})
"""The codes that are counted. All other refusals count as OTHER, so a day has few rows."""

KEPT = timedelta(days=366)
"""The time for which counts are kept."""

_noted: deque[tuple[datetime, str]] = deque(maxlen=65_536)
"""Refused orders since the last write. With more, which no process reaches, the oldest are not
counted."""

_counts: Counter[tuple[date, str]] = Counter()
"""Taken from `_noted`, and not written yet. Only the thread with `_writing` uses it."""

_writing = Lock()
_WRITTEN_WITHIN = 10.0


def note(refusal: DomainError, *, now: datetime) -> None:
    """Counts a refused order. Takes no lock, and 0.1 µs."""
    _noted.append((now, refusal.code))


def write(*, zone: ZoneInfo) -> None:
    """Adds what this process counted to the days of the zone, in one statement, if there is any.

    Leaves it to the next call if another thread does not finish within ten seconds. Raises the
    database's error. The next call then tries again: orders are counted twice if the
    outcome of a commit was unknown.
    """
    with waits.holding(_writing, _WRITTEN_WITHIN) as in_time:
        if not in_time:
            return
        for _ in range(len(_noted)):
            at, code = _noted.popleft()
            _counts[at.astimezone(zone).date(), code if code in COUNTED else OTHER] += 1
        if _counts:
            # In one order in all processes, so that they cannot deadlock.
            days, codes = map(list, zip(*sorted(_counts), strict=True))
            numbers = [_counts[key] for key in sorted(_counts)]
            database.execute(daily.ADD_REFUSED, [days, codes, numbers])
            _counts.clear()


def delete_old(*, now: datetime, limit: int) -> int:
    """Deletes up to `limit` counts of days that are over for KEPT. Returns their number."""
    past = RefusedOrders.objects.filter(day__lt=(now - KEPT).date()).order_by("day", "code")
    deleted, _ = RefusedOrders.objects.filter(pk__in=past.values("pk")[:limit]).delete()
    return deleted
