"""Opens, refreshes and ends sessions, by the token policies of tokens.py."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.sessions.models import Session as AdminSession
from django.db import connections, transaction
from django.db.models import F, Q

from larder.core.errors import NotFound, Overloaded
from larder.core.limits import MAX_CLIENT_LENGTH
from larder.identity.caller import Caller
from larder.identity.errors import SessionEnded, TokenExpired, TokenInvalid
from larder.identity.models import Customer, Key, RecoveryCode, Session
from larder.identity.queries.credentials import is_ongoing_session
from larder.identity.services.credentials import lock_unchanged, verified
from larder.identity.sql import LEAVE_NUMBERS_OUT, ClockTimestamp
from larder.identity.tokens import TOKEN_POLICIES, Refresh, Signer, TokenPolicy

MAX_SESSIONS = 50
"""Live sessions of an account in all API versions: servers load those that ended."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The two tokens that a log-in or a refresh returns."""

    access: str
    refresh: str


@dataclass(frozen=True, slots=True)
class Credentials:
    """The data of a log-in. `client` is the `User-Agent` of the program."""

    username: str
    password: str
    client: str = ""


def log_in(credentials: Credentials, *, policy: TokenPolicy, signer: Signer, now: datetime) -> Pair:
    """Opens a session. Every failure has the same answer and takes the same time.

    An account has at most MAX_SESSIONS. If one more is opened, the least recently used one ends.
    Raises InvalidCredentials.
    """
    customer = verified(credentials.username, credentials.password)
    return _opened(customer, credentials.client, policy=policy, signer=signer, now=now)


def begin(
    customer: int, client: str, *, policy: TokenPolicy, signer: Signer, now: datetime
) -> Pair:
    """Opens the first session of an account that the same request made. Raises InvalidCredentials
    if the account was deactivated meanwhile."""
    account = Customer.objects.get(pk=customer)
    return _opened(account, client, policy=policy, signer=signer, now=now)


def _opened(
    customer: Customer, client: str, *, policy: TokenPolicy, signer: Signer, now: datetime
) -> Pair:
    with transaction.atomic(durable=True):
        lock_unchanged(customer)
        session = _add(customer, policy.name, client, now=now, until=now + policy.refresh)
    return _pair(session, policy, signer, now)


ADMIN = "admin"
"""The policy of a session of the admin: it has no tokens."""


def open_admin_session(customer: int, client: str, *, now: datetime, until: datetime) -> UUID:
    """Opens a session of the admin, which ends with all others of the account. Returns its id."""
    with transaction.atomic(durable=True):
        account = Customer.objects.select_for_update(no_key=True).get(pk=customer)
        return _add(account, ADMIN, client, now=now, until=until).id


def _add(
    customer: Customer, policy: str, client: str, *, now: datetime, until: datetime
) -> Session:
    """Adds a session. If the account has MAX_SESSIONS, ends the least recently used ones. Assumes
    the account's lock."""
    newest = Session.objects.live(now).filter(customer=customer).order_by("-rotated_at", "-id")
    over = list(newest.values_list("id", flat=True)[MAX_SESSIONS - 1 :])
    if over:
        Session.objects.filter(id__in=over, ended_at=None).update(ended_at=now)
    return Session.objects.create(
        customer=customer,
        policy=policy,
        client=_shown(client),
        created_at=now,
        rotated_at=now,
        expires_at=until,
    )


def _shown(client: str) -> str:
    """Returns the printable part of a `User-Agent`."""
    return "".join(character for character in client[:MAX_CLIENT_LENGTH] if character.isprintable())


def refresh(token: str, *, policy: TokenPolicy, signer: Signer, now: datetime) -> Pair:
    """Returns a new access token, with a new refresh token if the policy rotates, or the given one.

    If the policy rotates, the answer with the current token may have been lost: its parent returns
    it again within the grace, and after that is exchanged once more. Any other token ends the
    session: two clients have a copy of it (RFC 9700, section 4.14.2).
    Raises TokenInvalid, TokenExpired, SessionEnded, Overloaded (too many concurrent exchanges).
    """
    presented = signer.read_refresh(token, policy)
    if policy.rotates:
        return _pair(_exchanged(presented, policy, now=now), policy, signer, now)
    session = _live_session(presented, now=now)
    Session.objects.filter(id=session.id, ended_at=None).update(rotated_at=now)
    return Pair(_pair(session, policy, signer, now).access, token)


def _exchanged(presented: Refresh, policy: TokenPolicy, *, now: datetime) -> Session:
    """Returns the session, with the generation that replaces `presented`.

    If a concurrent exchange comes first, decides again: the token is then the parent.
    """
    for _ in range(2):
        session = _live_session(presented, now=now)
        parent = session.generation - (2 if session.is_retried else 1)
        is_late = session.age > policy.grace
        if presented.generation == session.generation:
            if _renew(session, policy, is_retried=False, now=now):
                return session
        elif presented.generation != parent or (
            is_late and (session.is_retried or not policy.repeats)
        ):
            end_session(presented, now=now)
            raise SessionEnded
        elif is_late:
            if _renew(session, policy, is_retried=True, now=now):
                return session
        elif policy.repeats:
            return session
        else:
            raise TokenInvalid
    raise Overloaded


def _renew(session: Session, policy: TokenPolicy, *, is_retried: bool, now: datetime) -> bool:
    """Compare-and-swap: of all requests that read the same generation, one raises it. Returns
    whether it is this one. The time is the database's, because the clocks of servers differ."""
    expires = now + policy.refresh
    as_read = Session.objects.filter(id=session.id, generation=session.generation, ended_at=None)
    with transaction.atomic(durable=True):
        swapped = as_read.update(
            generation=F("generation") + 1,
            is_retried=is_retried,
            rotated_at=ClockTimestamp(),
            expires_at=expires,
        )
    session.generation, session.expires_at = session.generation + 1, expires
    return bool(swapped)


def _live_session(presented: Refresh, *, now: datetime) -> Session:
    """Returns the token's session, with its customer. Raises SessionEnded, TokenExpired."""
    aged = Session.objects.aged().select_related("customer")
    session = aged.filter(id=presented.session).first()
    if session is None or session.ended_at is not None:
        raise SessionEnded
    if session.expires_at <= now:
        raise TokenExpired
    return session


def _pair(session: Session, policy: TokenPolicy, signer: Signer, now: datetime) -> Pair:
    customer = session.customer
    caller = Caller(customer.pk, customer.public_id, customer.is_staff, session.id)
    access = signer.access(caller, now=now, policy=policy, email=customer.email)
    refresh = signer.refresh(
        caller,
        session.generation,
        until=session.expires_at,
        policy=policy,
        email=customer.email,
    )
    return Pair(access, refresh)


def verify(token: str, *, signer: Signer, now: datetime) -> None:
    """Checks an access token of any API, or a refresh token that clients read, and its session.
    Raises TokenInvalid, TokenExpired, SessionEnded."""
    try:
        caller, _ = signer.read_access(token)
    except TokenInvalid:
        presented = signer.read_refresh(token, *(each for each in TOKEN_POLICIES if each.is_read))
        session = _live_session(presented, now=now)
        if presented.policy.rotates and session.generation != presented.generation:
            raise
        return
    if not is_ongoing_session(caller.session):
        raise SessionEnded


def end_session(presented: Refresh, *, now: datetime) -> None:
    """Ends the session of a refresh token of any age. A second call is no error. Its refresh tokens
    end at once, its access tokens within 30 seconds."""
    Session.objects.filter(id=presented.session, ended_at=None).update(ended_at=now)


def end_own(customer: int, session: UUID, *, now: datetime) -> None:
    """Ends a session of this customer. Raises NotFound unless it is theirs and is live."""
    live = Session.objects.live(now).filter(customer=customer, id=session)
    if not Session.objects.filter(id__in=live.values("id"), ended_at=None).update(ended_at=now):
        raise NotFound


def end_others(customer: int, *, keep: UUID | None, now: datetime) -> None:
    """Ends every session of this customer except `keep`, the one of the request.

    Raises SessionEnded, with nothing done, if `keep` itself has ended.
    """
    with transaction.atomic(durable=True):
        end_others_within(customer, keep=keep, now=now)


def end_others_within(customer: int, *, keep: UUID | None, now: datetime) -> None:
    """As `end_others`, in the caller's transaction, under the lock that a log-in takes too."""
    Customer.objects.select_for_update(no_key=True).get(pk=customer)
    ongoing = Session.objects.filter(customer=customer, ended_at=None)
    if keep and not ongoing.filter(id=keep).exists():
        raise SessionEnded
    (ongoing.exclude(id=keep) if keep else ongoing).update(ended_at=now)


def delete_past_sessions(*, now: datetime, limit: int) -> int:
    """Deletes up to `limit` sessions that ended or expired a day ago. None has a valid access token
    by then. The answer to a refresh token without a session is that of an ended session. Returns
    their number."""
    day_ago = now - timedelta(days=1)
    past = Session.objects.filter(Q(ended_at__lt=day_ago) | Q(expires_at__lt=day_ago))
    deleted, _ = Session.objects.filter(id__in=past.values("id")[:limit]).delete()
    return deleted


NUMBERS_LEFT_OUT = 1_000_000
"""Customer ids that are skipped after a restore. An access token contains the id of its account.
The next account must not get the id of an account that was created after the backup."""


def end_all_credentials(*, using: str, now: datetime) -> tuple[int, int]:
    """Ends all credentials except passwords, after a restore and before the servers start: a backup
    does not contain which were ended after it. Returns the numbers of sessions and keys.

    `using` is the owner's connection: the server's role may not change a sequence.
    """
    with transaction.atomic(using=using, durable=True):
        with connections[using].cursor() as cursor:
            # One statement changes all accounts. No server runs, so nothing waits for it.
            cursor.execute("SET LOCAL statement_timeout = '15min'")
            cursor.execute(LEAVE_NUMBERS_OUT, [NUMBERS_LEFT_OUT])
        sessions = Session.objects.using(using).filter(ended_at=None).update(ended_at=now)
        keys = Key.objects.using(using).ongoing().update(ended_at=now)
        # The backup does not know which codes were used after it.
        RecoveryCode.objects.using(using).all().delete()
        AdminSession.objects.using(using).all().delete()
    return sessions, keys
