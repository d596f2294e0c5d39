"""Who is asking: what a verified credential says, without a look in the database."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Caller:
    """The user of a request. `session` is the log-in that the access token came from; None
    where there is none: a long-lived key (then `key` is its id), Basic authentication, the admin's
    cookie. `epoch` is the account's when the token was issued."""

    id: int
    public_id: UUID
    is_staff: bool
    session: UUID | None
    epoch: int = 0
    key: UUID | None = None

    is_authenticated = True
    is_active = True
