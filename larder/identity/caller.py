"""Who is asking: what a verified credential says, without a look in the database."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Caller:
    """The user of a request. `session` is the log-in that the access token came from; None
    where there is none: a long-lived key, Basic authentication, the admin's cookie."""

    id: int
    public_id: UUID
    is_staff: bool
    session: UUID | None

    is_authenticated = True
    is_active = True
