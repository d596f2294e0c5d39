"""Saved views of lists of the admin."""

from django.db import models
from django.db.models import Q

from larder.core.limits import MAX_LABEL_LENGTH, MAX_TEXT_LENGTH, MAX_WORD_LENGTH


class SavedView(models.Model):
    """Filters, search and order of a list of the admin, under a name of its owner. `page` is the
    list, such as `orders_order`, and `query` the parameters of its address. It is deleted with the
    account."""

    id = models.BigAutoField(primary_key=True)
    owner = models.ForeignKey("identity.Customer", on_delete=models.CASCADE, db_index=False)
    page = models.CharField(max_length=MAX_WORD_LENGTH)
    name = models.CharField(max_length=MAX_LABEL_LENGTH)
    query = models.CharField(max_length=MAX_TEXT_LENGTH)
    is_shared = models.BooleanField(default=False)

    class Meta:
        db_table = "saved_view"
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=["owner", "page", "name"], name="saved_view_name"),
        )
        indexes = (
            models.Index(
                fields=["page", "name", "id"],
                name="saved_view_shared",
                condition=Q(is_shared=True),
            ),
        )
