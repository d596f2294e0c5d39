"""Ids are made in the application, so that they are known before anything is written."""

from uuid import UUID

from uuid_utils.compat import uuid7

NOBODY = UUID(int=0)
"""Stands for the caller where there is none: a registration, the shop itself."""


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562): its order is the order of creation, which keeps indexes dense."""
    return uuid7()
