"""Ids are created in the application, so that they are known before anything is written: UUIDv7
(RFC 9562), which sort by time of creation. This keeps indexes dense."""

from contextvars import ContextVar
from uuid import UUID

from uuid_utils.compat import uuid7 as new_id

__all__ = ["CORRELATION_ID", "SYSTEM_ACTOR", "new_id"]

SYSTEM_ACTOR = UUID(int=0)
"""The actor of writes without an authenticated caller: registrations, commands and jobs."""

CORRELATION_ID: ContextVar[str | None] = ContextVar("correlation_id", default=None)
"""The id of the request or job that this thread works for (larder/http/api_headers.py)."""
