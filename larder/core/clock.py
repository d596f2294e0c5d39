"""The present moment. Called where a request or a job enters, and handed in from there."""

from datetime import UTC, datetime


def now() -> datetime:
    """Now, with its time zone: UTC."""
    return datetime.now(UTC)
