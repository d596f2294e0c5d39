"""Who changes products with their stock, and when."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Author:
    """The actor and the time of a change."""

    actor: UUID
    now: datetime
