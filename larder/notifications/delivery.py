"""Sends mails to the mail server (EMAIL_URL)."""

import smtplib

from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.message import sanitize_address

from larder.core.mailboxes import sent_to
from larder.notifications.errors import NeverSent, NotSent, NotSentYet

CONSOLE = "django.core.mail.backends.console.EmailBackend"
"""Django's way of sending in demo mode: mails are printed."""

UNUSABLE = "The address cannot be written in a mail."

PERMANENT = 500
"""Reply codes from here on are permanent failures (RFC 5321, section 4.2.1)."""


def hand_over(id: str, mail: EmailMultiAlternatives) -> None:
    """Sends a mail, whose Message-ID begins with `id`. A repeat has the same one, so that
    mailboxes can recognize it.

    Each wait for the server has a time limit (EMAIL_TIMEOUT). Raises NotSentYet, NeverSent (also if
    no mail server takes the address).
    """
    recipient = sent_to(mail.to[0])
    if not recipient:
        raise NeverSent(UNUSABLE)
    mail.to = [recipient]
    # Django's own way does not close the connection if the log-in to the mail server fails.
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
        raise _fault(error) from None
    except ValueError:
        raise NeverSent(UNUSABLE) from None
    finally:
        connection.close()


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
