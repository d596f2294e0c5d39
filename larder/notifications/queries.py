"""Reads of notifications for other modules."""

from uuid import UUID

from larder.notifications import models

Mail = models.Mail


def waiting(mail: UUID) -> Mail | None:
    """Returns the mail if it still waits to be sent."""
    return Mail.objects.filter(id=mail).first()
