"""The doors that tokens are handed out at: one for each family of clients.

A refresh token works only at the door that issued it; an access token opens every API.
"""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Door:
    """How long the tokens of a door live, and what refreshing does there.

    Where it `rotates`, each refresh gives a new refresh token and starts `refresh` anew. While
    that is unused, the token before it gets it again for `grace`, and after that is exchanged
    once more; any other use of an old token ends the log-in.
    Without a grace it is refused at once, and the log-in goes on: its client can lose a reply
    without being a thief. Where it does not rotate, one token is used again until it expires.
    `signed`: refresh tokens are JWTs too, and all tokens carry the claims those clients read.
    """

    name: str
    access: timedelta
    refresh: timedelta
    rotates: bool
    grace: timedelta
    signed: bool


V1 = Door(
    name="v1",
    access=timedelta(minutes=5),
    refresh=timedelta(days=30),
    rotates=True,
    grace=timedelta(seconds=60),
    signed=False,
)
API = Door(
    name="api",
    access=timedelta(minutes=5),
    refresh=timedelta(days=1),
    rotates=False,
    grace=timedelta(0),
    signed=True,
)
IDENTITY = Door(
    name="identity",
    access=timedelta(minutes=20),
    refresh=timedelta(days=30),
    rotates=True,
    grace=timedelta(0),
    signed=True,
)

DOORS = (V1, API, IDENTITY)
LONGEST_ACCESS = max(door.access for door in DOORS)
"""How long an access token may outlive its log-in, where nobody looks."""

LONGEST_REFRESH = max(door.refresh for door in DOORS)
"""How long a session lives after its last use."""

CLOCK_SKEW = timedelta(minutes=1)
"""How far the clocks of two servers may be apart."""

ENDED_LATELY = LONGEST_ACCESS + 2 * CLOCK_SKEW
"""How long ago the end of a log-in still concerns access tokens: one server may issue them, another
note the end and a third check both."""
