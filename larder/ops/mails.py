"""Mails, sent by the worker: at least once, tried again with growing pauses, and then given up.

What a mail says is made here, of what identity knows, right before it is handed over. A worker
that is killed after that and before it could note it sends the same mail again.
"""

from collections.abc import Callable, Mapping
from uuid import UUID

import structlog
from django.conf import settings
from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app

from larder.common import database
from larder.common.clock import now
from larder.identity.services import resets
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
    " Whoever waits for the mail can ask for it again."
)


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
            services.note_given_up(id, now=now())
        raise
    if not sent:
        services.forget_unsent(id)
        return
    services.note_sent(id, now=now())
    logger.info("A mail was handed over.", mail=mail, kind=found.kind, tries=tries)


def _send(id: UUID, found: Waiting) -> bool:
    """False where there is nobody to send it to any more. Raises NotSent."""
    if found.kind not in _LETTERS:
        # Of a newer release, whose workers may be on their way.
        raise NotSentYet(f"This release knows no mail of the kind {found.kind}.")
    letter = _LETTERS[found.kind](found.about)
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


_LETTERS: Mapping[str, Callable[[UUID], Letter | None]] = {
    services.PASSWORD_RESET: _password_reset,
}
"""What each kind of mail says, to whom; None where there is nobody to send it to any more."""


def _again(fault: NotSent, tries: int) -> bool:
    return isinstance(fault, NotSentYet) and tries <= RETRIES


def _tell(fault: NotSent, *, mail: str, kind: str, tries: int) -> None:
    said = {"mail": mail, "kind": kind, "tries": tries, "reason": fault.reason}
    if _again(fault, tries):
        logger.warning("A mail was not sent yet.", **said)
    else:
        logger.error("A mail could not be sent, and is given up.", **said, do=DO)
