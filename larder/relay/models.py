"""The tables of the relay: what was told, to whom, and how far.

They are in the schema `notifications`: a new schema would need another search path, which the
connections of running servers and poolers do not have.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from larder.core.ids import new_id
from larder.core.limits import (
    MAX_DEVICE_ADDRESS_LENGTH,
    MAX_NAME_LENGTH,
    MAX_SHORT_TEXT_LENGTH,
    MAX_WORD_LENGTH,
)


class RelayMark(models.Model):
    """The position up to which the relay has told a feed (larder/db/feed.py: Mark)."""

    feed = models.CharField(primary_key=True, max_length=MAX_WORD_LENGTH)
    epoch = models.CharField(max_length=MAX_SHORT_TEXT_LENGTH)
    transaction_id = models.BigIntegerField()
    number = models.BigIntegerField()

    class Meta:
        db_table = "relay_mark"
        default_permissions = ()


class ToldStock(models.Model):
    """The stock of a product as it was told last: `back`, `low` or `out`."""

    product = models.BigIntegerField(primary_key=True)
    state = models.CharField(max_length=MAX_WORD_LENGTH)

    class Meta:
        db_table = "told_stock"
        default_permissions = ()


class Delivery(models.Model):
    """An event told to a target by a channel. The body is rendered when it is sent.

    It waits while it has `next_at`, and has ended without. `outcome` is that of the last attempt,
    in words, or says why there was none.
    """

    id = models.BigAutoField(primary_key=True)
    event = models.UUIDField()
    type = models.CharField(max_length=MAX_WORD_LENGTH)
    channel = models.CharField(max_length=10)
    target = models.CharField(max_length=MAX_WORD_LENGTH)
    object = models.CharField(max_length=MAX_WORD_LENGTH)
    at = models.DateTimeField()
    data = models.JSONField(default=dict)
    attempts = models.IntegerField(default=0, db_default=0)
    next_at = models.DateTimeField(null=True)
    is_sent = models.BooleanField(default=False, db_default=False)
    outcome = models.CharField(max_length=MAX_SHORT_TEXT_LENGTH, default="", db_default="")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "delivery"
        default_permissions = ()
        indexes = (
            models.Index(
                fields=["channel", "target", "next_at", "id"],
                name="delivery_due",
                condition=Q(next_at__isnull=False),
            ),
            models.Index(fields=["channel", "target", "id"], name="delivery_of_target"),
        )


class Endpoint(models.Model):
    """An address of another system that is told events. `events` are names of types. `secrets` are
    encrypted, the new one first; two after a change. `owner` is the public id of the account whose
    rights it has. Disabled at a time, it is told nothing; enabled, what waited."""

    id = models.UUIDField(primary_key=True, default=new_id)
    url = models.CharField(max_length=MAX_NAME_LENGTH)
    name = models.CharField(max_length=MAX_SHORT_TEXT_LENGTH, blank=True, default="")
    events = ArrayField(models.CharField(max_length=MAX_WORD_LENGTH), default=list, blank=True)
    secrets = ArrayField(models.TextField(), size=2)
    owner = models.UUIDField()
    created_at = models.DateTimeField()
    failing_since = models.DateTimeField(null=True)
    disabled_at = models.DateTimeField(null=True)
    version = models.IntegerField(default=1)

    class Meta:
        db_table = "webhook_endpoint"
        default_permissions = ()
        permissions = (("manage_endpoint", "Can manage webhooks"),)
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")

    def __str__(self) -> str:
        return self.name or str(self.id)


class Device(models.Model):
    """A device or browser of a customer that takes messages. `address` is where: the endpoint of a
    browser's subscription or the token of an app. `keys` are those of a browser: `p256dh`, `auth`,
    and `server`, the shop's public key of its time. `credential` is the session or API key that
    registered it: a trigger deletes the device when that ends, other than by expiry."""

    id = models.UUIDField(primary_key=True, default=new_id)
    customer = models.ForeignKey("identity.Customer", on_delete=models.CASCADE, db_index=False)
    credential = models.UUIDField(null=True, db_index=True)
    kind = models.CharField(max_length=10)
    address = models.CharField(max_length=MAX_DEVICE_ADDRESS_LENGTH)
    keys = models.JSONField(default=dict)
    registered_at = models.DateTimeField()

    class Meta:
        db_table = "device"
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["address"], name="device_address"),)
        indexes = (models.Index(fields=["customer", "id"], name="device_of_customer"),)


class Watch(models.Model):
    """A product of which a customer wants to know when it is back in stock. It is deleted when that
    is told; a trigger deletes it with the account."""

    pk = models.CompositePrimaryKey("customer", "product")
    customer = models.ForeignKey("identity.Customer", on_delete=models.CASCADE, db_index=False)
    product = models.ForeignKey("catalog.Product", on_delete=models.CASCADE)

    class Meta:
        db_table = "watch"
        default_permissions = ()
