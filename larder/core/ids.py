"""Creates ids in the application, so that they are known before anything is written."""

from contextvars import ContextVar
from uuid import UUID

from uuid_utils.compat import uuid7

SYSTEM_ACTOR = UUID(int=0)
"""The actor of writes without an authenticated caller: registrations, commands and jobs."""

CORRELATION_ID: ContextVar[str | None] = ContextVar("correlation_id", default=None)
"""The id of the request or job that this thread works for (larder/http/correlation.py)."""


def new_id() -> UUID:
    """Returns a UUIDv7 (RFC 9562). Ids sort by time of creation, which keeps indexes dense."""
    return uuid7()
