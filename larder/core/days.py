"""Days of a time zone."""

from datetime import date, datetime, time, tzinfo


def midnight(day: date, zone: tzinfo) -> datetime:
    """Returns when the day begins in the time zone."""
    return datetime.combine(day, time.min, zone)
