"""The caller of a request, as a verified credential describes it. Not read from the database."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Caller:
    """The user of a request.

    `session` is the session of the access token. It is None with a long-lived key (then `key` is
    its id), with Basic authentication and with the cookie of the admin. `epoch` is the session
    epoch of the account when the token was issued.
    """

    id: int
    public_id: UUID
    is_staff: bool
    session: UUID | None
    epoch: int = 0
    key: UUID | None = None

    is_authenticated = True
    is_active = True
