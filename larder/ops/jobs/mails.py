"""Sends mails, in the worker: at least once, with growing pauses between the attempts.

The text of a mail is made here, from data of identity, right before the mail is sent. If a worker
is killed after it sent a mail and before it noted that, the mail is sent again.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app

from larder.core.clock import now
from larder.db import database
from larder.identity.services import email_changes, resets
from larder.notifications import mail_texts, queries, services
from larder.notifications.delivery import hand_over
from larder.notifications.errors import NotSent, NotSentYet
from larder.notifications.mail_texts import MailText
from larder.notifications.queries import Waiting
from larder.notifications.services import SEND_MAIL

logger = logging.getLogger(__name__)

RETRIES = 10
AGAIN = RetryStrategy(max_attempts=RETRIES, exponential_wait=2, retry_exceptions=[NotSentYet])
"""Retries after 2, 4, 8 … 1024 seconds, in all 34 minutes. A reset is valid for an hour."""

DO = (
    "Check EMAIL_URL, DEFAULT_FROM_EMAIL and the log of the mail server, and that workers and"
    " servers have the same release."
)
ASK_AGAIN = " The recipient can request the mail again."


@app.task(name=SEND_MAIL, retry=AGAIN, pass_context=True)
def send_mail(context: JobContext, mail: str) -> None:
    """Sends a waiting mail. Raises NotSent; its class says whether there is a retry."""
    id, tries = UUID(mail), context.job.attempts + 1
    found = queries.waiting(id)
    if found is None:
        return
    try:
        sent = _send(id, found)
    except NotSent as fault:
        _log(fault, mail=mail, kind=found.kind, tries=tries)
        if not _again(fault, tries):
            with transaction.atomic(durable=True):
                services.note_given_up(id, now=now())
                _forget(found)
        raise
    if not sent:
        services.delete_unsent(id)
        return
    with transaction.atomic(durable=True):
        services.note_sent(id, now=now())
        _forget(found)
    details = {"mail": mail, "kind": found.kind, "tries": tries}
    logger.info("A mail was handed over.", extra={"details": details})


def _send(id: UUID, found: Waiting) -> bool:
    """Returns False if the mail has no recipient any more. Raises NotSent."""
    if found.kind not in KINDS:
        # It is of a newer release, whose workers may start soon.
        raise NotSentYet(f"This release knows no mail of the kind {found.kind}.")
    mail_text = KINDS[found.kind].mail_text(found.about)
    if mail_text is None:
        return False
    # The mail server may be slow, and other threads need the connection.
    database.release()
    hand_over(id, mail_text, sender=settings.DEFAULT_FROM_EMAIL)
    return True


def _password_reset(about: UUID) -> MailText | None:
    invited = resets.invitation(about, secret=settings.SECRET_KEY, now=now())
    if invited is None:
        return None
    reset = mail_texts.Reset(invited.email, invited.token, invited.until)
    if not invited.newcomer:
        return mail_texts.password_reset(reset, link=settings.PASSWORD_RESET_URL)
    page = reverse("new_password")
    link = settings.PUBLIC_URL and f"{settings.PUBLIC_URL}{page}#{mail_texts.TOKEN}"
    return mail_texts.invitation(reset, invited.newcomer, page=page, link=link)


def _email_changed(about: UUID) -> MailText | None:
    former = email_changes.former_address(about)
    return None if former is None else mail_texts.email_changed(former.email, at=former.changed_at)


def _nothing(about: UUID) -> None:
    pass


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of mail: `mail_text` makes its text and recipient, or None if it has no recipient any
    more; `forget` is called once it is sent or given up; `otherwise` is the advice if it is given
    up."""

    mail_text: Callable[[UUID], MailText | None]
    forget: Callable[[UUID], None] = _nothing
    otherwise: str = ""


KINDS: Mapping[str, _Kind] = {
    services.PASSWORD_RESET: _Kind(_password_reset, otherwise=ASK_AGAIN),
    services.EMAIL_CHANGED: _Kind(_email_changed, forget=email_changes.delete_former_address),
}


def _forget(found: Waiting) -> None:
    if found.kind in KINDS:
        KINDS[found.kind].forget(found.about)


def _again(fault: NotSent, tries: int) -> bool:
    return isinstance(fault, NotSentYet) and tries <= RETRIES


def _log(fault: NotSent, *, mail: str, kind: str, tries: int) -> None:
    details = {"mail": mail, "kind": kind, "tries": tries, "reason": fault.reason}
    if _again(fault, tries):
        details["do"] = f"It is tried again. {DO}"
        logger.warning("A mail was not sent yet.", extra={"details": details})
    else:
        details["do"] = DO + (KINDS[kind].otherwise if kind in KINDS else "")
        logger.error("A mail could not be sent, and is given up.", extra={"details": details})
