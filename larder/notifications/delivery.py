"""Sends mails to the mail server (EMAIL_URL)."""

import smtplib
from collections.abc import MutableSequence
from contextlib import suppress
from typing import Any

from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.message import sanitize_address

from larder.core.mailboxes import sent_to
from larder.notifications.errors import NeverSent, NotSent, NotSentYet

CONSOLE = "django.core.mail.backends.console.EmailBackend"
"""Django's way of sending in demo mode: mails are printed."""

UNUSABLE = "The address cannot be written in a mail."

PERMANENT = 500
"""Reply codes from here on are permanent failures (RFC 5321, section 4.2.1)."""


def hand_over(id: str, mail: EmailMultiAlternatives, open: MutableSequence[Any]) -> None:
    """Sends a mail, whose Message-ID begins with `id`. A repeat has the same one, so that
    mailboxes can recognize it. Takes one of the `open` connections to the mail server if there is
    one, and leaves its own there unless it failed.

    Each wait for the server has a time limit (EMAIL_TIMEOUT). Raises NotSentYet, NeverSent (also if
    no mail server takes the address).
    """
    recipient = sent_to(mail.to[0])
    if not recipient:
        raise NeverSent(UNUSABLE)
    mail.to = [recipient]
    try:
        connection = open.pop()
    except IndexError:
        connection = get_connection()
    try:
        domain = sanitize_address(mail.from_email, "utf-8").rpartition("@")[2].rstrip("> ")
        mail.extra_headers = {
            "Message-ID": f"<{id}@{domain or 'localhost'}>",
            "Auto-Submitted": "auto-generated",
        }
        connection.open()
        connection.send_messages([mail])
    except (smtplib.SMTPException, OSError) as error:
        # Django does not close the connection if the log-in to the mail server fails.
        connection.close()
        raise _fault(error) from None
    except ValueError:
        connection.close()
        raise NeverSent(UNUSABLE) from None
    open.append(connection)


def close(open: MutableSequence[Any]) -> None:
    """Closes connections to the mail server."""
    with suppress(IndexError):
        while True:
            open.pop().close()


def _fault(error: Exception) -> NotSent:
    """Returns the error by its type. The server's message may contain the recipient."""
    kind = type(error).__name__
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return NotSentYet(f"The mail server refuses the name or password ({error.smtp_code}).")
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return _refused("recipient", min(code for code, _ in error.recipients.values()))
    if isinstance(error, smtplib.SMTPResponseException):
        return _refused({"SMTPSenderRefused": "sender"}.get(kind, "mail"), error.smtp_code)
    return NotSentYet(f"The mail server is unreachable or closed the connection ({kind}).")


def _refused(what: str, code: int) -> NotSent:
    reason = f"The mail server refuses the {what} ({code})."
    return NeverSent(reason) if code >= PERMANENT else NotSentYet(reason)
