"""Mails of release 0.2.0."""

from django.db import models

from larder.core.ids import new_id
from larder.core.limits import MAX_EMAIL_LENGTH, MAX_WORD_LENGTH


class Mail(models.Model):
    """A mail that a server of release 0.2.0 has stored, and the relay takes (TAKE_MAILS). The table
    goes when no such server runs beside a new one any more."""

    id = models.UUIDField(primary_key=True, default=new_id)
    kind = models.CharField(max_length=MAX_WORD_LENGTH)
    about = models.UUIDField()
    recipient = models.EmailField(max_length=MAX_EMAIL_LENGTH, blank=True, default="")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "mail"
        indexes = (models.Index(fields=["created_at"], name="mail_age"),)
