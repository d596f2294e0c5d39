"""All writes of notifications."""

from datetime import datetime, timedelta
from uuid import UUID

from procrastinate.contrib.django import app

from larder.core.ids import CORRELATION_ID
from larder.notifications.models import Mail

SEND_MAIL = "send_mail"
"""The worker's task (larder/worker/mails.py)."""

PASSWORD_RESET = "password_reset"
"""The kind of a mail with a link that sets a password."""

EMAIL_CHANGED = "email_changed"
"""The kind of a mail to the former email address of an account."""

WEBHOOK_DISABLED = "webhook_disabled"
"""The kind of a mail to the owner of an endpoint, which is what it is about."""

KEEP = timedelta(days=30)
"""Time after which a mail whose job was lost is deleted."""


def queue_mail(kind: str, about: UUID, recipient: str = "", *, now: datetime) -> None:
    """Queues a mail about an account (by its public id) or an endpoint for the worker, if the
    current transaction commits.

    The job contains only the ids of the mail and of the request, so that the table of jobs has no
    recipient and no secret.
    """
    mail = Mail.objects.create(kind=kind, about=about, recipient=recipient, created_at=now)
    request = CORRELATION_ID.get()
    app.configure_task(SEND_MAIL).defer(mail=str(mail.id), correlation_id=request)


def delete_mail(mail: UUID) -> None:
    """Deletes a mail that is sent, is given up, or has no recipient any more."""
    Mail.objects.filter(id=mail).delete()


def delete_old_mails(*, now: datetime, limit: int) -> int:
    """Deletes the rows of up to `limit` mails older than KEEP. Returns their number."""
    old = Mail.objects.filter(created_at__lt=now - KEEP).order_by("created_at")
    deleted, _ = Mail.objects.filter(id__in=old.values("id")[:limit]).delete()
    return deleted
