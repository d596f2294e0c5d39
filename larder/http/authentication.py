"""Who is asking: one authentication for every endpoint of the canonical API."""

from functools import cache
from threading import Lock
from time import monotonic, time
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest

from larder.core.clock import now
from larder.identity import key_queries, queries
from larder.identity.caller import Caller
from larder.identity.errors import SessionEnded, TokenExpired, TokenInvalid
from larder.identity.services import keys
from larder.identity.tokens import Signer

SESSIONS_LOOKED_AT_EVERY = 10.0
"""Seconds: a session that ends is out of every process after at most this long."""

SESSIONS_TOO_OLD = 25.0
"""Seconds after which a process that was idle does not trust what it knows: the bound is 30 s."""

_REMEMBERED = 20_000
"""Verified tokens a process remembers, about 6 MB; when it is full it forgets them all."""


@cache
def signer() -> Signer:
    """The signer of this installation's tokens."""
    return Signer(secrets())


def secrets() -> list[str]:
    """The installation's secrets, the present one first."""
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
        raise TokenInvalid
    return caller_of(token) if "." in token else caller_of_key(token)


def caller_of(token: str) -> Caller:
    """The caller an access token speaks for; the rights of staff are looked up each time.

    Raises TokenInvalid, TokenExpired, SessionEnded.
    """
    caller = signed_caller(token)
    return looked_up(caller) if caller.is_staff else caller


def signed_caller(token: str) -> Caller:
    """The caller as the token says, of a log-in that goes on. Raises as `caller_of` does."""
    caller = _verified(token)
    if _sessions.present().may_include(caller) and not queries.is_ongoing_session(caller.session):
        raise SessionEnded
    return caller


def caller_of_key(text: str) -> Caller:
    """The owner of a long-lived key, as they are now. Notes the use. Raises TokenInvalid."""
    use = key_queries.key_use(text, secrets=secrets())
    if use is None:
        raise TokenInvalid
    if use.is_unnoted:
        keys.note_use(use.owner)
    return use.owner


_known: dict[str, tuple[Caller, float]] = {}


def _verified(token: str) -> Caller:
    """A token's signature is checked once in each process, its expiry each time."""
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


def remembered_caller(header: str | None) -> Caller | None:
    """The customer of an Authorization header, if this process can tell without asking anybody.

    None for staff, whose rights are looked up each time, and for whatever is to be refused.
    """
    scheme, _, token = (header or "").partition(" ")
    caller, expires = _known.get(token, (None, 0.0))
    if scheme not in {"Bearer", "bearer"} or caller is None or caller.is_staff:
        return None
    return caller if expires > time() and _sessions.is_ongoing_session(caller) else None


FACTOR = "second_factor"
"""The key of the admin's session under which it has the id of the factor that was proven in it."""


def proven_factor(request: HttpRequest) -> UUID | None:
    """Returns the second factor that was proven in the admin's session of this request."""
    found = request.session.get(FACTOR)
    return None if found is None else UUID(found)


def looked_up(caller: Caller) -> Caller:
    """The caller with the rights the account has now. Raises SessionEnded unless it is active."""
    rights = queries.rights(caller.id, caller.factor)
    if not rights.is_active:
        raise SessionEnded
    return queries.holding(caller, rights)


class _EndedSessions:
    """What ended lately, read again every few seconds, by one thread at a time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._read_at = float("-inf")
        self._ended = queries.Ended()

    def present(self) -> queries.Ended:
        """What ended lately, as it was a few seconds ago."""
        age = monotonic() - self._read_at
        if age > SESSIONS_TOO_OLD:
            # Nothing is known, or not enough: nobody goes on with it. Everybody reads, for a
            # turn would be waited for in vain with the database away.
            self._read()
        elif age > SESSIONS_LOOKED_AT_EVERY:
            self._read_in_turn()
        return self._ended

    def is_ongoing_session(self, caller: Caller) -> bool:
        """Whether the caller's log-in is known to go on, without reading."""
        age = monotonic() - self._read_at
        return age <= SESSIONS_LOOKED_AT_EVERY and not self._ended.may_include(caller)

    def _read_in_turn(self) -> None:
        """One thread reads; the others go on with what is known."""
        if self._lock.acquire(blocking=False):
            try:
                self._read()
            finally:
                self._lock.release()

    def _read(self) -> None:
        began = monotonic()
        self._ended = queries.ended_sessions(now=now())
        self._read_at = began


_sessions = _EndedSessions()
