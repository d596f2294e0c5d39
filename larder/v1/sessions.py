"""The caller's sessions: listed, and ended one by one or all others at once."""

from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse

from larder.core.clock import now
from larder.core.parts import first
from larder.http import pagination
from larder.identity import queries
from larder.identity.caller import Caller
from larder.identity.queries import LogIn
from larder.identity.services import sessions
from larder.v1.http import PageParameters, no_content, page_of, reply_tagged
from larder.v1.operations import CACHED, ENDING_LOG_INS, operation
from larder.v1.shapes import Link, Time


class Session(msgspec.Struct):
    """A log-in. `client` is the `User-Agent` of the program that logged in, at most 200 characters.
    `last_used_at` is the time of the last refresh. `current`: the log-in of this request."""

    id: UUID
    client: str
    current: bool
    created_at: Time
    last_used_at: Time
    expires_at: Time


class SessionPage(msgspec.Struct):
    """A page of active log-ins, oldest first."""

    results: list[Session]
    next: Link | None


class SessionCursor(pagination.Cursor, array_like=True, tag="sessions"):
    """The last row of a page of log-ins."""

    id: UUID


@operation(
    tag="me",
    key_permission="identity.view_customer",
    answers={200: SessionPage, 304: None},
    traits=[CACHED],
)
def list_sessions(
    request: HttpRequest, caller: Caller, query: PageParameters, cursor: SessionCursor | None
) -> HttpResponse:
    """A page of the caller's active log-ins, oldest first."""
    rows, after = query.rows + 1, cursor.id if cursor else None
    log_ins = queries.log_ins(caller.id, after=after, limit=rows, now=now())
    results, link = page_of(
        request, first(log_ins, query.rows), lambda last: SessionCursor(last.id)
    )
    page = SessionPage([_shown(caller, log_in) for log_in in results], link)
    return reply_tagged(request, page)


@operation(
    tag="me",
    key_permission="identity.change_customer",
    answers={204: None},
    traits=[ENDING_LOG_INS],
)
def end_sessions(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Ends all log-ins of the caller except the one of this request."""
    sessions.end_others(caller.id, keep=caller.session, now=now())
    return no_content()


@operation(
    tag="me",
    key_permission="identity.view_customer",
    answers={200: Session, 304: None},
    problems=["not_found"],
    traits=[CACHED],
)
def get_session(request: HttpRequest, caller: Caller, session: UUID) -> HttpResponse:
    """One of the caller's log-ins."""
    return reply_tagged(request, _shown(caller, queries.log_in(caller.id, session, now=now())))


@operation(
    tag="me",
    key_permission="identity.change_customer",
    answers={204: None},
    problems=["not_found"],
)
def end_session(request: HttpRequest, caller: Caller, session: UUID) -> HttpResponse:
    """Ends one of the caller's log-ins; it may be the one of this request."""
    sessions.end_own(caller.id, session, now=now())
    return no_content()


def _shown(who: Caller, found: LogIn) -> Session:
    return Session(
        id=found.id,
        client=found.client,
        current=found.id == who.session,
        created_at=found.created_at,
        last_used_at=found.rotated_at,
        expires_at=found.expires_at,
    )
