"""The audit trail."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from larder.core.limits import MAX_AUDITED_OBJECT_LENGTH, MAX_WORD_LENGTH


class AuditEntry(models.Model):
    """What a member of staff or a command did to an object, or was refused. Append-only.

    `actor` is a public id, and `object` a kind and an id such as `product:12`: no personal data.
    `before` and `after` have only what differs (larder/identity/services/audit.py).
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_default=Now())
    actor = models.UUIDField()
    channel = models.CharField(max_length=MAX_WORD_LENGTH)
    object = models.CharField(_("object"), max_length=MAX_AUDITED_OBJECT_LENGTH)
    action = models.CharField(max_length=MAX_WORD_LENGTH)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    class Meta:
        db_table = "audit_entry"
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit trail")
        default_permissions = ("view",)
        indexes = (
            models.Index(fields=["object", "id"], name="audit_entry_of_object"),
            models.Index(fields=["actor", "id"], name="audit_entry_of_actor"),
            models.Index(fields=["at", "id"], name="audit_entry_by_time"),
        )
