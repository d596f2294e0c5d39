"""The current time, days of a time zone, and durations. Requests and jobs read the time once, and
pass it to the functions they call."""

from datetime import UTC, date, datetime, time, tzinfo
from time import monotonic


def now() -> datetime:
    """Returns the current time with its time zone, UTC."""
    return datetime.now(UTC)


def midnight(day: date, zone: tzinfo) -> datetime:
    """Returns when the day begins in the time zone."""
    return datetime.combine(day, time.min, zone)


class Stopwatch:
    """Measures a duration, from its creation.

    >>> Stopwatch().seconds < 1
    True
    """

    __slots__ = ("_began",)

    def __init__(self) -> None:
        self._began = monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since its creation."""
        return monotonic() - self._began
