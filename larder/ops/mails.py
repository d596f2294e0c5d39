"""Mails, sent by the worker: at least once, tried again with growing pauses, and then given up.

What a mail says is made here, of what identity knows, right before it is handed over. A worker
that is killed after that and before it could note it sends the same mail again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app

from larder.core.clock import now
from larder.db import database
from larder.identity.services import email_changes, resets
from larder.notifications import letters, queries, services
from larder.notifications.delivery import hand_over
from larder.notifications.errors import NotSent, NotSentYet
from larder.notifications.letters import Letter
from larder.notifications.queries import Waiting
from larder.notifications.services import SEND_MAIL

logger = structlog.get_logger(__name__)

RETRIES = 10
AGAIN = RetryStrategy(max_attempts=RETRIES, exponential_wait=2, retry_exceptions=[NotSentYet])
"""After 2, 4, 8 … 1024 seconds: 34 minutes in all, of the hour for which a reset is good."""

DO = (
    "See that EMAIL_URL and DEFAULT_FROM_EMAIL are right and what the mail server's log says,"
    " and that workers are of the servers' release."
)
ASK_AGAIN = " Whoever waits for the mail can ask for it again."


@app.task(name=SEND_MAIL, retry=AGAIN, pass_context=True)
def send_mail(context: JobContext, mail: str) -> None:
    """Sends a mail that waits. Raises NotSent, which says whether it is tried again."""
    id, tries = UUID(mail), context.job.attempts + 1
    found = queries.waiting(id)
    if found is None:
        return
    try:
        sent = _send(id, found)
    except NotSent as fault:
        _tell(fault, mail=mail, kind=found.kind, tries=tries)
        if not _again(fault, tries):
            with transaction.atomic():
                services.note_given_up(id, now=now())
                _forget(found)
        raise
    if not sent:
        services.delete_unsent(id)
        return
    with transaction.atomic():
        services.note_sent(id, now=now())
        _forget(found)
    logger.info("A mail was handed over.", mail=mail, kind=found.kind, tries=tries)


def _send(id: UUID, found: Waiting) -> bool:
    """False where there is nobody to send it to any more. Raises NotSent."""
    if found.kind not in _KINDS:
        # Of a newer release, whose workers may be on their way.
        raise NotSentYet(f"This release knows no mail of the kind {found.kind}.")
    letter = _KINDS[found.kind].letter(found.about)
    if letter is None:
        return False
    # The mail server may take its time: somebody else needs the connection.
    database.release()
    hand_over(id, letter, sender=settings.DEFAULT_FROM_EMAIL)
    return True


def _password_reset(about: UUID) -> Letter | None:
    invited = resets.invitation(about, secret=settings.SECRET_KEY, now=now())
    if invited is None:
        return None
    told = letters.Reset(invited.email, invited.token, invited.until)
    return letters.password_reset(told, link=settings.PASSWORD_RESET_URL)


def _email_changed(about: UUID) -> Letter | None:
    told = email_changes.former_address(about)
    return None if told is None else letters.email_changed(told.email, at=told.changed_at)


def _nothing(about: UUID) -> None:
    pass


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a mail says, to whom (None where there is nobody to send it to any more); what is
    forgotten once it is sent or given up; and what its readers do who wait for it in vain."""

    letter: Callable[[UUID], Letter | None]
    forget: Callable[[UUID], None] = _nothing
    otherwise: str = ""


_KINDS: Mapping[str, _Kind] = {
    services.PASSWORD_RESET: _Kind(_password_reset, otherwise=ASK_AGAIN),
    services.EMAIL_CHANGED: _Kind(_email_changed, forget=email_changes.delete_former_address),
}


def _forget(found: Waiting) -> None:
    if found.kind in _KINDS:
        _KINDS[found.kind].forget(found.about)


def _again(fault: NotSent, tries: int) -> bool:
    return isinstance(fault, NotSentYet) and tries <= RETRIES


def _tell(fault: NotSent, *, mail: str, kind: str, tries: int) -> None:
    said = {"mail": mail, "kind": kind, "tries": tries, "reason": fault.reason}
    if _again(fault, tries):
        logger.warning("A mail was not sent yet.", **said)
    else:
        do = DO + (_KINDS[kind].otherwise if kind in _KINDS else "")
        logger.error("A mail could not be sent, and is given up.", **said, do=do)
