"""The current time. Requests and jobs read it once, and pass it to the functions they call."""

from datetime import UTC, datetime


def now() -> datetime:
    """Returns the current time with its time zone, UTC."""
    return datetime.now(UTC)
