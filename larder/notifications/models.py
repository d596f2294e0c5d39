"""Mails and the state of their delivery."""

from django.db import models

from larder.core.ids import new_id
from larder.core.limits import MAX_WORD_LENGTH


class Mail(models.Model):
    """A mail to be sent, and its state. Neither its text nor its recipient is stored. Both are made
    when it is sent, from the object that it is `about` (an id of another module)."""

    id = models.UUIDField(primary_key=True, default=new_id)
    kind = models.CharField(max_length=MAX_WORD_LENGTH)
    about = models.UUIDField()
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "mail"
        indexes = (models.Index(fields=["created_at"], name="mail_age"),)
