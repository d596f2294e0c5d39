"""Authentication of the caller, for every operation of v1."""

import logging
from functools import cache
from math import inf
from time import monotonic, time
from uuid import UUID

from django.conf import settings
from django.db import Error
from django.http import HttpRequest

from larder.core.clock import now
from larder.db import database
from larder.db.replicas import ANSWER_WITHIN
from larder.http.refusals import HttpRefusal
from larder.identity.caller import Caller
from larder.identity.errors import SessionEnded, TokenExpired, TokenInvalid
from larder.identity.queries import credentials
from larder.identity.services import keys
from larder.identity.services.credentials import renewed
from larder.identity.tokens import Signer

logger = logging.getLogger(__name__)

SESSIONS_LOOKED_AT_EVERY = 10.0
"""Seconds between two reads of the ended sessions by the server's thread: each process refuses an
ended session about this time later."""

SESSIONS_TOO_OLD = 25.0
"""Seconds after which a request reads the ended sessions before it is answered, if that thread
could not. The documented bound is 30 s."""

_REMEMBERED = 20_000
"""Verified tokens that a process remembers, about 6 MB. A full table is cleared."""


class _NoBearer(HttpRefusal, TokenInvalid):
    """The header has another scheme, or none."""


@cache
def signer() -> Signer:
    """Returns the signer of this installation's tokens."""
    return Signer(secrets())


def secrets() -> list[str]:
    """Returns the installation's secrets, the current one first."""
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]


def authenticate(request: HttpRequest) -> Caller | None:
    """Returns the caller that `Authorization: Bearer <access token or key>` names; the word `Token`
    does as well. None without the header.

    Raises TokenInvalid, TokenExpired, SessionEnded.
    """
    header = request.META.get("HTTP_AUTHORIZATION")
    if not header:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() not in {"bearer", "token"}:
        raise _NoBearer("Send the header as Authorization: Bearer ACCESS_TOKEN.")
    return caller_of(token) if "." in token else caller_of_key(token)


def caller_of(token: str) -> Caller:
    """Returns the caller of an access token; the rights of staff are read each time.

    Raises TokenInvalid, TokenExpired, SessionEnded.
    """
    caller = signed_caller(token)
    return renewed(caller) if caller.is_staff else caller


def signed_caller(token: str) -> Caller:
    """Returns the caller as the token names it, if its session has not ended. Raises as `caller_of`
    does."""
    caller = _verified(token)
    may_have_ended = ENDED_SESSIONS.may_have_ended(caller)
    if may_have_ended and not credentials.is_ongoing_session(caller.session):
        raise SessionEnded
    return caller


def caller_of_key(text: str) -> Caller:
    """Returns the owner of an API key with the owner's current rights. Notes the use of the key.
    Raises TokenInvalid."""
    use = credentials.key_use(text, secrets=secrets())
    if use is None:
        raise TokenInvalid
    owner, is_unnoted = use
    if is_unnoted:
        keys.note_use(owner)
    return owner


_known: dict[str, tuple[Caller, float]] = {}


def _verified(token: str) -> Caller:
    """Returns the caller of a token. Checks its signature once in each process, its expiry each
    time."""
    known = _known.get(token)
    if known is None:
        known = signer().read_access(token)
        if len(_known) >= _REMEMBERED:
            _known.clear()
        _known[token] = known
    elif known[1] <= time():
        _known.pop(token, None)
        raise TokenExpired
    return known[0]


def expiry(header: str) -> float:
    """Returns when (Unix time) the access token of an accepted Authorization header expires;
    infinity for a key."""
    token = header.partition(" ")[2]
    return signer().read_access(token)[1] if "." in token else inf


def remembered_caller(header: str | None) -> Caller | None:
    """Returns the caller of an Authorization header, if this process has verified the token and
    needs no query; None otherwise, and for a token that must be refused.

    Staff have no permissions here: the database must be read for them.
    """
    scheme, _, token = (header or "").partition(" ")
    caller, expires = _known.get(token, (None, 0.0))
    if scheme not in {"Bearer", "bearer"} or caller is None:
        return None
    return caller if expires > time() and ENDED_SESSIONS.is_ongoing_session(caller) else None


FACTOR = "second_factor"
"""The key of the admin's session for the id of the second factor that was proven in it."""


def proven_factor(request: HttpRequest) -> UUID | None:
    """Returns the second factor that was proven in the admin's session of this request."""
    factor = request.session.get(FACTOR)
    return None if factor is None else UUID(factor)


class _EndedSessions:
    """The sessions that ended recently, as they were last read."""

    def __init__(self) -> None:
        self._read_at = float("-inf")
        self._ended: frozenset[UUID] | None = frozenset()

    def may_have_ended(self, caller: Caller) -> bool:
        """Returns whether the caller's session may have ended, as read at most SESSIONS_TOO_OLD
        ago."""
        if self._age() > SESSIONS_TOO_OLD:
            # Each thread reads by itself: if the database does not answer, waiting for another
            # thread's read would gain nothing.
            self.read()
        return self._ended is None or caller.session in self._ended

    def is_ongoing_session(self, caller: Caller) -> bool:
        """Returns whether the caller's session is known to be ongoing, without a query."""
        if self._age() > SESSIONS_TOO_OLD or self._ended is None:
            return False
        return caller.session not in self._ended

    def _age(self) -> float:
        return monotonic() - self._read_at

    def read(self) -> None:
        """Reads them. Raises django.db.Error."""
        began = monotonic()
        self._ended = credentials.ended_sessions(now=now())
        self._read_at = began

    def read_again(self) -> None:
        """Reads them, if the last read was SESSIONS_LOOKED_AT_EVERY ago. The known ones are used
        meanwhile, and if the database does not answer. A thread of the server calls it."""
        if self._age() > SESSIONS_LOOKED_AT_EVERY:
            try:
                with database.answers_within(ANSWER_WITHIN):
                    self.read()
            except Error as error:
                reason = str(error).strip().partition("\n")[0]
                logger.warning("The ended sessions cannot be read: %s; check the database.", reason)


ENDED_SESSIONS = _EndedSessions()
