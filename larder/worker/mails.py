"""Sends mails, in the worker: at least once, with growing pauses between the attempts.

The text of a mail is made here, from data of identity, right before the mail is sent. If a worker
is killed after it sent a mail and before it deleted the row, the mail is sent again.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parseaddr
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.urls import reverse
from django.utils import translation
from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app

from larder.core.clock import now
from larder.core.errors import NotFound
from larder.db import database
from larder.identity import queries as identity
from larder.identity.services import passwords
from larder.notifications import queries, services
from larder.notifications.delivery import hand_over
from larder.notifications.errors import NotSent, NotSentYet
from larder.notifications.formatting import time_of
from larder.notifications.mail_texts import TOKEN
from larder.notifications.queries import Mail
from larder.notifications.rendering import render
from larder.notifications.services import SEND_MAIL
from larder.relay import queries as relay

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
def send_mail(context: JobContext, mail: str, correlation_id: str | None = None) -> None:
    """Sends a waiting mail. Raises NotSent; its class says whether there is a retry."""
    id, tries = UUID(mail), context.job.attempts + 1
    waiting = queries.waiting(id)
    if waiting is None:
        return
    try:
        is_sent = _send(waiting)
    except NotSent as fault:
        _log(fault, mail=mail, kind=waiting.kind, tries=tries)
        if not _again(fault, tries):
            services.delete_mail(id)
        raise
    services.delete_mail(id)
    if is_sent:
        details = {"mail": mail, "kind": waiting.kind, "tries": tries}
        logger.info("A mail was handed over.", extra={"details": details})


def _send(waiting: Mail) -> bool:
    """Returns False if the mail has no recipient any more. Raises NotSent."""
    if waiting.kind not in KINDS:
        # It is of a newer release, whose workers may start soon.
        raise NotSentYet(f"This release knows no mail of the kind {waiting.kind}.")
    with translation.override(settings.MAIL_LANGUAGE):
        message = KINDS[waiting.kind](waiting)
    if message is None:
        return False
    # The mail server may be slow, and other threads need the connection.
    database.release()
    hand_over(str(waiting.id), message)
    return True


def written(kind: str, *, to: str, **context: Any) -> EmailMultiAlternatives:
    """Returns a mail of the shop, in the current language."""
    name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    shop = {"shop": name or settings.UNFOLD["SITE_TITLE"], "address": address}
    return render(kind, {**shop, **context}, to=to, own=settings.MAIL_TEMPLATES_DIR)


def shop_time(at: datetime) -> str:
    """Returns a time in the shop's time zone, with its name: the reader may live in another one."""
    zone = ZoneInfo(settings.SHOP_TIME_ZONE)
    return f"{time_of(at, zone)} {at.astimezone(zone):%Z}"


def _password_reset(mail: Mail) -> EmailMultiAlternatives | None:
    invited = passwords.invitation(
        mail.about, requested_at=mail.created_at, secret=settings.SECRET_KEY, now=now()
    )
    if invited is None:
        return None
    kind, page, link = mail.kind, reverse("new_password"), settings.PASSWORD_RESET_URL
    if invited.newcomer:
        kind, link = "invitation", settings.PUBLIC_URL and f"{settings.PUBLIC_URL}{page}#{TOKEN}"
    return written(
        kind,
        to=invited.email,
        username=invited.newcomer,
        page=page,
        link=link.replace(TOKEN, invited.token),
        code=invited.token,
        until=shop_time(invited.until),
    )


def _email_changed(mail: Mail) -> EmailMultiAlternatives | None:
    return written(mail.kind, to=mail.recipient, at=shop_time(mail.created_at))


def _webhook_disabled(mail: Mail) -> EmailMultiAlternatives | None:
    try:
        endpoint = relay.endpoint(mail.about)
        owner = identity.profile_by_public_id(endpoint.owner)
    except NotFound:
        return None
    if not (owner.email and owner.is_staff and endpoint.disabled_at):
        return None
    return written(mail.kind, to=owner.email, name=endpoint.name or str(endpoint.id))


KINDS: Mapping[str, Callable[[Mail], EmailMultiAlternatives | None]] = {
    services.PASSWORD_RESET: _password_reset,
    services.EMAIL_CHANGED: _email_changed,
    services.WEBHOOK_DISABLED: _webhook_disabled,
}
"""Makes the text of each kind of mail, with its recipient; None if it has none any more."""


def _again(fault: NotSent, tries: int) -> bool:
    return isinstance(fault, NotSentYet) and tries <= RETRIES


def _log(fault: NotSent, *, mail: str, kind: str, tries: int) -> None:
    details = {"mail": mail, "kind": kind, "tries": tries, "reason": fault.reason}
    if _again(fault, tries):
        details["do"] = f"It is tried again. {DO}"
        logger.warning("A mail was not sent yet.", extra={"details": details})
    else:
        details["do"] = DO + (ASK_AGAIN if kind == services.PASSWORD_RESET else "")
        logger.error("A mail could not be sent, and is given up.", extra={"details": details})
