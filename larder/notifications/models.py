"""What others are told."""

from django.db import models

from larder.core.ids import new_id
from larder.core.limits import MAX_WORD_LENGTH


class Mail(models.Model):
    """A mail to be sent, and what became of it. Neither its text nor its recipient is kept: both
    are made when it is sent, of what it is `about` (an id of the module that has it)."""

    id = models.UUIDField(primary_key=True, default=new_id)
    kind = models.CharField(max_length=MAX_WORD_LENGTH)
    about = models.UUIDField()
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "mail"
        indexes = (models.Index(fields=["created_at"], name="mail_age"),)
