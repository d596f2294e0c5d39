"""Reads of sessions: live, ended, and who owns them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import F, Max, Value

from larder.core.errors import NotFound
from larder.db.fields import Fold
from larder.identity.caller import Caller
from larder.identity.models import Customer, Session
from larder.identity.tokens.policies import ENDED_LATELY


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


MAX_LISTED = 5_000
"""Accounts in the list of those whose sessions all ended recently. After a restore these are all
accounts that had a session."""


@dataclass(frozen=True, slots=True)
class EndedSessions:
    """Sessions that ended so recently that an access token may still be valid: single sessions, and
    accounts whose sessions all ended, with their current epoch."""

    sessions: frozenset[UUID] = frozenset()
    epochs: Mapping[int, int] = field(default_factory=dict)
    epoch: int = 0
    """The highest epoch of these accounts if there are more than MAX_LISTED. Then no account is
    listed, and the session of each token with a lower epoch may have ended."""

    def may_include(self, caller: Caller) -> bool:
        """Returns whether the session of an access token may have ended.

        If a session continued when all others of its account ended, its older tokens have the old
        epoch. `is_ongoing_session` decides about them.
        """
        epoch = self.epoch or self.epochs.get(caller.id, 0)
        return caller.session in self.sessions or caller.epoch < epoch


def ended_sessions(*, now: datetime) -> EndedSessions:
    """Returns the sessions that ended within ENDED_LATELY. If all sessions of an account ended, its
    epoch represents them."""
    since = now - ENDED_LATELY
    one_by_one = Session.objects.filter(
        ended_at__gt=since, epoch=F("customer__session_epoch")
    ).values_list("id", flat=True)
    raised = Customer.objects.filter(epoch_raised_at__gt=since)
    # In this order: an epoch raised between two of these statements is in the later result.
    sessions = frozenset(one_by_one)
    epochs = dict(raised.values_list("id", "session_epoch")[: MAX_LISTED + 1])
    if len(epochs) <= MAX_LISTED:
        return EndedSessions(sessions, epochs)
    highest = raised.aggregate(epoch=Max("session_epoch", default=0))
    return EndedSessions(sessions, epoch=highest["epoch"])


def is_ongoing_session(session: UUID | None) -> bool:
    """Returns whether the session exists and has not ended."""
    return session is not None and Session.objects.ongoing().filter(id=session).exists()


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
