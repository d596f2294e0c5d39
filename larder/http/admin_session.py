"""Sessions of the admin: when they end, and when the user last gave the password.

Django's session has three times, in whole seconds of Unix time: when it began, when it was last
used, and when the password was given. It also names a session of identity, so it ends with all
others of the account, and after LONGEST_HOURS. The admin and the earlier contracts both get the
user from `attach_user`.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY, get_user
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext, gettext_lazy, ngettext

from larder.core.clock import now
from larder.core.errors import NotFound
from larder.core.limits import CONFIRMED_SECONDS
from larder.http.authentication import FACTOR
from larder.identity.queries import credentials
from larder.identity.services import sessions

BEGAN, USED, CONFIRMED, SESSION = "began", "used", "confirmed", "session"
LONGEST_HOURS = 12
"""A log-in ends after so many hours, whatever the use."""
USE_WRITTEN_EVERY = 30
"""Seconds between two writes of the last use: ADMIN_IDLE_MINUTES are at least one."""

NOT_SAVED = gettext_lazy("What you sent was not saved. Log in, then send it again.")


def begin(sender: object, request: HttpRequest, user: Any, **signal: Any) -> None:
    """Sets the times of a session at its log-in, and removes a second factor that was proven
    before. A receiver of Django's `user_logged_in`."""
    request.session.pop(FACTOR, None)
    request.session.update(dict.fromkeys((BEGAN, USED, CONFIRMED), _moment()))
    client = request.META.get("HTTP_USER_AGENT", "")
    until = now() + timedelta(hours=LONGEST_HOURS)
    opened = sessions.open_admin_session(user.pk, client, now=now(), until=until)
    request.session[SESSION] = str(opened)


def end(sender: object, request: HttpRequest, user: Any, **signal: Any) -> None:
    """Ends the session of identity. A receiver of Django's `user_logged_out`."""
    if user is not None and (session := session_of(request)) is not None:
        with suppress(NotFound):
            sessions.end_own(user.pk, session, now=now())


def session_of(request: HttpRequest) -> UUID | None:
    """Returns the session of identity that the admin's session names."""
    session = request.session.get(SESSION)
    return None if session is None else UUID(session)


def attach_user(request: HttpRequest) -> None:
    """Sets `request.user`: the user is read when it is first used."""
    request.user = SimpleLazyObject(lambda: _user_of(request))  # type: ignore[assignment]


def _user_of(request: HttpRequest) -> Any:
    """Returns the user of the request's session, or an anonymous one. Notes the use, and deletes a
    session that is over: `request.session_ended` is the sentence that says why, if it was not
    used."""
    session, moment = request.session, _moment()
    if SESSION_KEY in session:
        idle = settings.ADMIN_IDLE_MINUTES
        if not _within(session, USED, moment, idle * 60):
            session.flush()
            why = ngettext(
                "You were logged out after {} minute without use.",
                "You were logged out after {} minutes without use.",
                idle,
            )
            request.session_ended = why.format(idle)  # type: ignore[attr-defined]
            return AnonymousUser()
        if moment - session[USED] >= USE_WRITTEN_EVERY:
            session[USED] = moment
    user = get_user(request)
    if user.is_authenticated and not credentials.is_ongoing_session(session_of(request)):
        # All sessions of the account were ended, or this one is too old.
        session.flush()
        return AnonymousUser()
    return user


def confirm(request: HttpRequest) -> None:
    """Notes that the user gave the password now."""
    request.session[CONFIRMED] = _moment()


def is_confirmed(request: HttpRequest) -> bool:
    """Returns whether the user gave the password in this session in the last CONFIRMED_SECONDS."""
    return _within(request.session, CONFIRMED, _moment(), CONFIRMED_SECONDS)


def add_end_message(request: Any) -> None:
    """Adds the message for the log-in page: why the session ended, and that a form is not saved."""
    if request.user.is_authenticated:
        return
    why = getattr(request, "session_ended", "")
    # Messages that were not shown would fill the cookie, and then the sessions in the database.
    list(messages.get_messages(request))
    if request.method == "POST":
        why = why or gettext("You are not logged in.")
        messages.warning(request, f"{why} {NOT_SAVED}")
    elif why:
        what_next = gettext("Log in to continue.")
        messages.warning(request, f"{why} {what_next}")


def _within(session: Mapping[str, Any], name: str, moment: int, seconds: int) -> bool:
    """Returns whether this time of the session is at most `seconds` ago. False without a time."""
    return bool(moment - session.get(name, 0) <= seconds)


def _moment() -> int:
    return int(now().timestamp())
