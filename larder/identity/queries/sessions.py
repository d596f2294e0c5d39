"""Reads of sessions: live, ended, and who owns them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Value

from larder.core.errors import NotFound
from larder.db.fields import Fold
from larder.identity.models import Customer, Session
from larder.identity.tokens import ENDED_LATELY


def session_owner(session: UUID) -> int | None:
    """Returns the customer of a session, live or ended; None if the session was deleted."""
    return Session.objects.filter(pk=session).values_list("customer_id", flat=True).first()


def is_session_of(session: UUID, username: str) -> bool:
    """Returns whether this is a session, live or ended, of the account of this name."""
    if "\0" in username:
        return False
    name = Fold(Value(Customer.normalize_username(username)))
    return (
        Session.objects.annotate(folded=Fold("customer__username"))
        .filter(pk=session, folded=name)
        .exists()
    )


MAX_LISTED = 20_000
"""Ended sessions that a server reads. If there are more, it looks up the session of each token."""


@dataclass(frozen=True, slots=True)
class EndedSessions:
    """Sessions that ended so recently that an access token may still be valid. `is_partial`: there
    are others."""

    sessions: frozenset[UUID] = frozenset()
    is_partial: bool = False

    def may_include(self, session: UUID | None) -> bool:
        """Returns whether the session of an access token may have ended."""
        return self.is_partial or session in self.sessions


def ended_sessions(*, now: datetime) -> EndedSessions:
    """Returns the sessions that ended within ENDED_LATELY."""
    lately = Session.objects.filter(ended_at__gt=now - ENDED_LATELY)
    ended = frozenset(lately.values_list("id", flat=True)[: MAX_LISTED + 1])
    return EndedSessions(ended, is_partial=len(ended) > MAX_LISTED)


def is_ongoing_session(session: UUID | None) -> bool:
    """Returns whether the session exists and has not ended."""
    return session is not None and Session.objects.filter(id=session, ended_at=None).exists()


@dataclass(frozen=True, slots=True)
class LogIn:
    """A live session as its owner sees it. `rotated_at`: the time of the last refresh."""

    id: UUID
    client: str
    created_at: datetime
    rotated_at: datetime
    expires_at: datetime


_LOG_IN = tuple(LogIn.__slots__)


def log_ins(customer: int, *, after: UUID | None, limit: int, now: datetime) -> list[LogIn]:
    """Returns up to `limit` live sessions of a customer by id, which is the order of creation."""
    live = Session.objects.live(now).filter(customer=customer).order_by("id")
    rows = live if after is None else live.filter(id__gt=after)
    return [LogIn(*row) for row in rows.values_list(*_LOG_IN)[:limit]]


def log_in(customer: int, session: UUID, *, now: datetime) -> LogIn:
    """Returns a live session of this customer. Raises NotFound."""
    live = Session.objects.live(now).filter(customer=customer, id=session)
    row = live.values_list(*_LOG_IN).first()
    if row is None:
        raise NotFound
    return LogIn(*row)
