"""Creates ids in the application, so that they are known before anything is written."""

from uuid import UUID

from uuid_utils.compat import uuid7

SYSTEM_ACTOR = UUID(int=0)
"""The actor of writes without an authenticated caller: registrations, commands and jobs."""


def new_id() -> UUID:
    """Returns a UUIDv7 (RFC 9562). Ids sort by time of creation, which keeps indexes dense."""
    return uuid7()
