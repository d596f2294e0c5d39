"""Log-ins: opened, refreshed, ended. What a door is, doors.py says."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet

from larder.core.errors import NotFound, Overloaded
from larder.core.limits import MAX_CLIENT_LENGTH, MAX_SESSIONS
from larder.identity.caller import Caller
from larder.identity.doors import DOORS, ENDED_LATELY, LONGEST_REFRESH, Door
from larder.identity.errors import SessionEnded, TokenExpired, TokenInvalid
from larder.identity.models import ClockTimestamp, Customer, Session
from larder.identity.queries import goes_on
from larder.identity.rotation import Decision, Present, exchange
from larder.identity.services.credentials import still_so, verified
from larder.identity.tokens import Issued, Refresh, Signer

MOST_EXCHANGES = 3
"""Times that the exchange of a token is decided on: a token is the present one, then its parent,
then neither."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What a log-in or a refresh hands out."""

    access: str
    refresh: str


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody logs in with; `client` is what their program says of itself (User-Agent)."""

    username: str
    password: str
    client: str = ""


def log_in(given: Credentials, *, door: Door, signer: Signer, now: datetime) -> Pair:
    """Opens a session. One answer, in the same time, for every way of being wrong.

    An account has MAX_SESSIONS at most: the one unused longest ends when one more is opened.
    Raises InvalidCredentials.
    """
    customer = verified(given.username, given.password)
    with transaction.atomic(durable=True):
        still_so(customer)
        _make_room(customer.pk, now=now)
        session = Session.objects.create(
            customer=customer,
            epoch=_epoch(customer.pk),
            door=door.name,
            client=_shown(given.client),
            created_at=now,
            rotated_at=now,
            expires_at=now + door.refresh,
        )
    return Pair(
        _access(session, customer, door, signer, now),
        _refresh_token(session, customer, door, signer),
    )


def _make_room(customer: int, *, now: datetime) -> None:
    """Ends the session unused longest where the account has MAX_SESSIONS, so that one more may be
    opened. Must run under the account's lock.

    Of an account with more than that (from before there was a limit), and of one that many
    sessions ended of lately, the epoch is raised: servers read one entry instead of many.
    """
    newest = Session.objects.live(now).filter(customer=customer).order_by("-rotated_at", "-id")
    live = list(newest.values_list("id", flat=True)[: MAX_SESSIONS + 1])
    kept, over = live[: MAX_SESSIONS - 1], live[MAX_SESSIONS - 1 :]
    if len(over) > 1 or _ended_lately(customer, now) >= MAX_SESSIONS:
        _raise_epoch(customer, keep=kept, now=now)
    elif over:
        Session.objects.filter(id=over[0], ended_at=None).update(ended_at=now)


def _ended_lately(customer: int, now: datetime) -> int:
    """How many entries of this account servers read, up to MAX_SESSIONS."""
    ended = Session.objects.filter(customer=customer, epoch=F("customer__session_epoch"))
    return ended.filter(ended_at__gt=now - ENDED_LATELY)[:MAX_SESSIONS].count()


def _epoch(customer: int) -> int:
    return Customer.objects.values_list("session_epoch", flat=True).get(pk=customer)


def _shown(client: str) -> str:
    """What can be shown of what a client says of itself."""
    return "".join(one for one in client[:MAX_CLIENT_LENGTH] if one.isprintable())


def refresh(token: str, *, door: Door, signer: Signer, now: datetime) -> Pair:
    """A new access token; where the door rotates a new refresh token too, else the given one.

    What a rotating door gives for which token, rotation.py decides. At a door with a grace the
    use of any other token ends the session, for two clients have a copy (RFC 9700, section
    4.14.2). At one without, every older token is invalid, and the session goes on.
    Raises TokenInvalid, TokenExpired, SessionEnded.
    """
    given = signer.read_refresh(token, door=door)
    session = _exchanged(given, door, now=now) if door.rotates else _used(given, now=now)
    customer = session.customer
    renewed = _refresh_token(session, customer, door, signer) if door.rotates else token
    return Pair(_access(session, customer, door, signer, now), renewed)


def _used(given: Refresh, *, now: datetime) -> Session:
    """The session of a token that is not exchanged; notes that it was used."""
    session = _live_session(given, now=now)
    Session.objects.filter(id=session.id, ended_at=None).update(rotated_at=now)
    return session


def _exchanged(given: Refresh, door: Door, *, now: datetime) -> Session:
    """The session, with the generation that `given` is exchanged for.

    Another exchange can come first, and the decision is made again. Raises Overloaded after
    MOST_EXCHANGES.
    """
    for _ in range(MOST_EXCHANGES):
        session = _live_session(given, now=now)
        present = Present(session.generation, session.age, session.retried)
        decision = exchange(given.generation, present, door.grace)
        if decision is Decision.REFUSE:
            _refuse_reuse(given, door, now=now)
        if decision is Decision.REPEAT or _renew(session, given, door, now=now):
            return session
    raise Overloaded


def _renew(session: Session, given: Refresh, door: Door, *, now: datetime) -> bool:
    """Compare-and-swap: of any number of requests that read one generation, one moves it on.

    The moment is the database's, as in `_live_session`: clocks of servers may differ. It is a
    transaction, so that where the answer to the statement is lost nothing is done, and where that
    to the commit is lost the outcome is known to be unknown.
    """
    expires = now + door.refresh
    retried = given.generation if given.generation < session.generation else None
    as_read = Session.objects.filter(id=session.id, generation=session.generation, ended_at=None)
    with transaction.atomic(durable=True):
        swapped = as_read.update(
            generation=F("generation") + 1,
            retried=retried,
            rotated_at=ClockTimestamp(),
            expires_at=expires,
        )
    session.generation, session.expires_at = session.generation + 1, expires
    return bool(swapped)


def _live_session(given: Refresh, *, now: datetime) -> Session:
    """The token's session, with its customer. Raises SessionEnded, TokenExpired."""
    aged = Session.objects.aged().select_related("customer")
    session = aged.filter(id=given.session).first()
    if session is None or not session.is_ongoing:
        raise SessionEnded
    if session.expires_at <= now:
        raise TokenExpired
    return session


def _refuse_reuse(given: Refresh, door: Door, *, now: datetime) -> NoReturn:
    if not door.grace:
        raise TokenInvalid
    end_session(given, now=now)
    raise SessionEnded


def _access(session: Session, customer: Customer, door: Door, signer: Signer, now: datetime) -> str:
    return signer.access(_caller(session, customer), now=now, door=door, email=customer.email)


def _refresh_token(session: Session, customer: Customer, door: Door, signer: Signer) -> str:
    if not door.signed:
        return signer.refresh(session.id, session.generation, door=door)
    since = session.expires_at - door.refresh
    issued = Issued(session.generation, since, session.expires_at)
    caller = _caller(session, customer)
    return signer.signed_refresh(caller, issued, door=door, email=customer.email)


def _caller(session: Session, customer: Customer) -> Caller:
    return Caller(
        customer.pk, customer.public_id, customer.is_staff, session.id, epoch=session.epoch
    )


def verify(token: str, *, signer: Signer, now: datetime) -> None:
    """Nothing, if the token is good: an access token of any door, or a refresh token that its
    (signed) door would take, of a live session of an active account.

    Raises TokenInvalid, TokenExpired, SessionEnded.
    """
    try:
        caller, _ = signer.read_access(token)
    except TokenInvalid:
        _verify_refresh(token, signer=signer, now=now)
        return
    if not goes_on(caller.session):
        raise SessionEnded


def _verify_refresh(token: str, *, signer: Signer, now: datetime) -> None:
    door, given = _read_signed(token, signer)
    session = _live_session(given, now=now)
    if door.rotates and session.generation != given.generation:
        raise TokenInvalid


def _read_signed(token: str, signer: Signer) -> tuple[Door, Refresh]:
    for door in DOORS:
        if door.signed:
            try:
                return door, signer.read_refresh(token, door=door)
            except TokenInvalid:
                continue
    raise TokenInvalid


def revoke(token: str, *, door: Door, signer: Signer, now: datetime) -> None:
    """Ends the session of a refresh token of any age. Ending it twice is no error.

    Raises TokenInvalid.
    """
    end_session(signer.read_refresh(token, door=door), now=now)


def end_session(given: Refresh, *, now: datetime) -> None:
    """Ends a session: its refresh tokens at once, its access token within 30 seconds."""
    Session.objects.filter(id=given.session, ended_at=None).update(ended_at=now)


def end_own(customer: int, session: UUID, *, now: datetime) -> None:
    """Ends a log-in of this customer. Raises NotFound unless it is theirs and goes on."""
    live = Session.objects.live(now).filter(customer=customer, id=session)
    if not Session.objects.filter(id__in=live.values("id"), ended_at=None).update(ended_at=now):
        raise NotFound


def end_others(customer: int, *, keep: UUID | None, now: datetime) -> None:
    """Ends every log-in of this customer but `keep`, under which they ask for it.

    Raises SessionEnded if `keep` has ended itself: what it asks for is not done.
    """
    with transaction.atomic(durable=True):
        end_others_within(customer, keep=keep, now=now)


def end_others_within(customer: int, *, keep: UUID | None, now: datetime) -> None:
    """As `end_others`, as a part of the caller's transaction."""
    if _raise_epoch(customer, keep=[keep] if keep else [], now=now) == 0 and keep:
        raise SessionEnded


def _raise_epoch(customer: int, *, keep: Collection[UUID], now: datetime) -> int:
    """Ends every session of an account but `keep` by one statement of at most 1,001 rows. Returns
    how many of `keep` go on: those that had not ended before. A trigger marks the others for
    processes of the version before epochs, so `keep` is of the new epoch before that."""
    going_on = _keep(customer, keep) if keep else 0
    Customer.objects.filter(pk=customer).update(
        session_epoch=F("session_epoch") + 1, epoch_raised_at=now
    )
    return going_on


def _keep(customer: int, keep: Collection[UUID]) -> int:
    """Locks the account."""
    locked = Customer.objects.select_for_update(no_key=True).filter(pk=customer)
    epoch = locked.values_list("session_epoch", flat=True).get()
    kept = Session.objects.filter(customer=customer, id__in=keep, ended_at=None, epoch=epoch)
    return kept.update(epoch=epoch + 1)


def delete_expired_sessions(*, now: datetime, limit: int) -> int:
    """Deletes up to `limit` sessions past their time, the oldest first. Returns how many."""
    return _delete_oldest("expires_at", before=now - timedelta(days=1), limit=limit)


def delete_ended_sessions(*, now: datetime, limit: int) -> int:
    """Deletes up to `limit` sessions that ended a day ago, or with all of their account a day after
    their last use. No access token of theirs is good any more then; a refresh token without a
    session is answered as one that ended. Returns how many.
    """
    return _delete_oldest("ended_at", before=now - timedelta(days=1), limit=limit)


def delete_sessions_of_former_epochs(*, now: datetime, limit: int) -> int:
    """Deletes up to `limit` sessions that ended with all of their account, where that was deleted
    or had more sessions than are marked as ended. Returns how many."""
    raised = Session.objects.filter(
        epoch__lt=F("customer__session_epoch"),
        customer__epoch_raised_at__gt=now - LONGEST_REFRESH - timedelta(days=2),
    )
    unmarked = Q(ended_at=None)
    return _delete(raised.filter(unmarked | Q(customer__deleted_at__isnull=False)), limit)


def forget_sessions(customer: int, *, limit: int) -> None:
    """Deletes up to `limit` sessions of an account."""
    _delete(Session.objects.filter(customer=customer), limit)


def _delete_oldest(column: str, *, before: datetime, limit: int) -> int:
    past = Session.objects.filter(**{f"{column}__lt": before}).order_by(column)
    return _delete(past, limit)


def _delete(past: QuerySet[Session], limit: int) -> int:
    deleted, _ = Session.objects.filter(id__in=past.values("id")[:limit]).delete()
    return deleted
