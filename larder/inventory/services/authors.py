"""Who changes products with their stock, and when."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from larder.core.ids import SYSTEM_ACTOR
from larder.identity.caller import Caller


@dataclass(frozen=True, slots=True)
class Author:
    """The caller and the time of a change. A command has no caller, and needs no rights."""

    caller: Caller | None
    now: datetime

    @property
    def actor(self) -> UUID:
        """The public id of the caller, which ledger and idempotency keys have."""
        return SYSTEM_ACTOR if self.caller is None else self.caller.public_id
