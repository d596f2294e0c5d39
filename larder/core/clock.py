"""The current time, and days of a time zone. Requests and jobs read the time once, and pass it to
the functions they call."""

from datetime import UTC, date, datetime, time, tzinfo


def now() -> datetime:
    """Returns the current time with its time zone, UTC."""
    return datetime.now(UTC)


def midnight(day: date, zone: tzinfo) -> datetime:
    """Returns when the day begins in the time zone."""
    return datetime.combine(day, time.min, zone)
