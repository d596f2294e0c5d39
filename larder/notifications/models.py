"""Mails that wait to be sent."""

from django.db import models

from larder.core.ids import new_id
from larder.core.limits import MAX_EMAIL_LENGTH, MAX_WORD_LENGTH


class Mail(models.Model):
    """A mail to be sent; the row is deleted when it is sent or given up. Its text is not stored: it
    is made when it is sent, from the account that it is `about` (a public id). `recipient` is empty
    if it is an address that the account has."""

    id = models.UUIDField(primary_key=True, default=new_id)
    kind = models.CharField(max_length=MAX_WORD_LENGTH)
    about = models.UUIDField()
    recipient = models.EmailField(max_length=MAX_EMAIL_LENGTH, blank=True, default="")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "mail"
        indexes = (models.Index(fields=["created_at"], name="mail_age"),)
