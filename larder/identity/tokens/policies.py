"""Token policies: lifetimes and rotation of the tokens of each API.

A refresh token is valid only in the API that issued it. An access token is valid in every API.
"""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class TokenPolicy:
    """The lifetimes of the tokens of an API, and what a refresh does.

    If the policy `rotates`, each refresh returns a new refresh token, and the lifetime `refresh`
    begins anew. While the new token is unused, the previous one returns it again for `grace`; after
    that it is exchanged once more. Any other use of an old token ends the session.

    Unless the policy `repeats`, an old token is refused at once, and within the grace the session
    continues, because a duplicated request is no theft. Without rotation one refresh token is used
    until it expires.

    `signed`: refresh tokens are JWTs too, and all tokens have the claims that those clients read.
    """

    name: str
    access: timedelta
    refresh: timedelta
    rotates: bool
    grace: timedelta
    signed: bool
    repeats: bool = True


V1 = TokenPolicy(
    name="v1",
    access=timedelta(minutes=5),
    refresh=timedelta(days=30),
    rotates=True,
    grace=timedelta(seconds=60),
    signed=False,
)
API = TokenPolicy(
    name="api",
    access=timedelta(minutes=5),
    refresh=timedelta(days=1),
    rotates=False,
    grace=timedelta(0),
    signed=True,
)
IDENTITY = TokenPolicy(
    name="identity",
    access=timedelta(minutes=20),
    refresh=timedelta(days=30),
    rotates=True,
    grace=timedelta(seconds=60),
    signed=True,
    repeats=False,
)

TOKEN_POLICIES = (V1, API, IDENTITY)
LONGEST_ACCESS = max(policy.access for policy in TOKEN_POLICIES)
"""Time for which an access token is valid after the end of its session, if that is not checked."""

CLOCK_SKEW = timedelta(minutes=1)
"""Maximum difference between the clocks of two servers."""

ENDED_LATELY = LONGEST_ACCESS + 2 * CLOCK_SKEW
"""Time for which an ended session can still have valid access tokens. One server may issue a token,
another one end the session, and a third one check the token."""
