"""Every write of notifications."""

from datetime import datetime, timedelta
from uuid import UUID

from procrastinate.contrib.django import app

from larder.notifications.models import Mail

SEND_MAIL = "send_mail"
"""The worker's task (larder/ops/mails.py)."""

PASSWORD_RESET = "password_reset"
"""The kind of a mail that is about a reset of identity's."""

EMAIL_CHANGED = "email_changed"
"""The kind of a mail that is about a change of an address, of identity's."""

KEEP = timedelta(days=30)
"""How long it can be looked up what became of a mail."""


def queue_mail(kind: str, about: UUID, *, now: datetime) -> None:
    """Has the worker send a mail, if the transaction in which this is called is committed.

    The job knows the mail's id alone: whoever reads the jobs learns no recipient and no secret.
    """
    mail = Mail.objects.create(kind=kind, about=about, created_at=now)
    app.configure_task(SEND_MAIL).defer(mail=str(mail.id))


def note_sent(mail: UUID, *, now: datetime) -> None:
    """The mail server has it."""
    Mail.objects.filter(id=mail).update(sent_at=now)


def note_given_up(mail: UUID, *, now: datetime) -> None:
    """It is not tried any more."""
    Mail.objects.filter(id=mail).update(given_up_at=now)


def forget_unsent(mail: UUID) -> None:
    """There is nobody to send it to."""
    Mail.objects.filter(id=mail, sent_at=None, given_up_at=None).delete()


def delete_old_mails(*, now: datetime, limit: int) -> int:
    """Deletes what is known of up to `limit` mails of long ago. Returns how many."""
    old = Mail.objects.filter(created_at__lt=now - KEEP).order_by("created_at")
    deleted, _ = Mail.objects.filter(id__in=old.values("id")[:limit]).delete()
    return deleted
