"""The caller's log-ins: seen, and ended one by one or all others at once."""

from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from larder.api import pagination
from larder.api.v1 import account_shapes as shapes
from larder.api.v1.http import (
    Endpoint,
    PageParameters,
    caller,
    no_content,
    read_page,
    reply_tagged,
)
from larder.api.v1.operations import CACHED, ENDING_LOG_INS, operation
from larder.common.clock import now
from larder.identity import queries
from larder.identity.caller import Caller
from larder.identity.queries import LogIn
from larder.identity.services import sessions


class SessionPlace(pagination.Place, array_like=True, tag="sessions"):
    """Where a page of log-ins ended."""

    id: UUID


class Sessions(Endpoint):
    @operation(
        "list_sessions",
        tag="me",
        parameters=PageParameters,
        answers={200: shapes.SessionPage, 304: None},
        traits=[CACHED],
    )
    def get(self, request: Request) -> HttpResponse:
        """A page of the caller's log-ins that go on, oldest first."""
        who = caller(request)

        def find(place: SessionPlace | None, rows: int) -> list[LogIn]:
            after = place.id if place else None
            return queries.log_ins(who.id, after=after, limit=rows, now=now())

        results, link = read_page(request, SessionPlace, find, _place)
        page = shapes.SessionPage([_shown(who, one) for one in results], link)
        return reply_tagged(request, page)

    @operation("end_sessions", tag="me", answers={204: None}, traits=[ENDING_LOG_INS])
    def delete(self, request: Request) -> HttpResponse:
        """Ends every log-in of the caller but the one that asks."""
        who = caller(request)
        sessions.end_others(who.id, keep=who.session, now=now())
        return no_content()


class Session(Endpoint):
    @operation(
        "get_session",
        tag="me",
        answers={200: shapes.Session, 304: None},
        problems=["not_found"],
        traits=[CACHED],
    )
    def get(self, request: Request, session: UUID) -> HttpResponse:
        """One of the caller's log-ins."""
        who = caller(request)
        return reply_tagged(request, _shown(who, queries.log_in(who.id, session, now=now())))

    @operation("end_session", tag="me", answers={204: None}, problems=["not_found"])
    def delete(self, request: Request, session: UUID) -> HttpResponse:
        """Ends one of the caller's log-ins, also the one that asks."""
        sessions.end_own(caller(request).id, session, now=now())
        return no_content()


def _place(found: LogIn) -> SessionPlace:
    return SessionPlace(found.id)


def _shown(who: Caller, found: LogIn) -> shapes.Session:
    return shapes.Session(
        id=found.id,
        client=found.client,
        current=found.id == who.session,
        created_at=found.created_at,
        last_used_at=found.rotated_at,
        expires_at=found.expires_at,
    )
