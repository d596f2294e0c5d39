"""Stock, and the ledger that explains it."""

from django.db import models
from django.db.models import Q
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from larder.core.ids import new_id
from larder.core.limits import MAX_CODE_LENGTH, MAX_TEXT_LENGTH, MAX_WORD_LENGTH
from larder.db.fields import TransactionId

TITLE_LENGTH = 60
"""Characters of the title of an adjustment."""

LARGE_DIFFERENCE = 20
"""Per cent of the shelf above which a difference of a count may be a typing mistake."""


class Stock(models.Model):
    """The units of a product: one narrow row, which every movement locks. `available` units can be
    ordered, `committed` ones are ordered and not shipped; both are on the shelf. No unreleased held
    line expires before `next_expiry`, if there is one. `transaction_id` is that with which the
    product last went in or out of stock, for the feed of products."""

    product = models.OneToOneField(
        "catalog.Product",
        on_delete=models.PROTECT,
        primary_key=True,
        related_name="stock",
    )
    available = models.IntegerField(default=0, db_default=0)
    committed = models.BigIntegerField(default=0, db_default=0)
    next_expiry = models.DateTimeField(null=True, editable=False)
    transaction_id = TransactionId(editable=False)

    class Meta:
        db_table = "stock"
        default_permissions = ()
        constraints = (
            models.CheckConstraint(condition=Q(available__gte=0), name="stock_available"),
            models.CheckConstraint(condition=Q(committed__gte=0), name="stock_committed"),
        )
        indexes = (models.Index(fields=["transaction_id", "product"], name="stock_feed"),)

    def __str__(self) -> str:
        return f"stock of product {self.pk}"


class HeldLine(models.Model):
    """The units of a product that a pending order holds, in `committed` until `released_at`. The
    lock of the stock row guards it, or its own. `event` is the order event that held them, the
    reference of their ledger entries. The line is deleted when the order is not pending any more.
    """

    id = models.BigAutoField(primary_key=True)
    order = models.UUIDField()
    product = models.ForeignKey(
        Stock, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    event = models.UUIDField()
    quantity = models.IntegerField()
    expires_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "held_line"
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=["order", "product"], name="held_line_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="held_line_quantity"),
        )
        indexes = (
            models.Index(
                fields=["product", "expires_at"],
                name="held_line_expiry",
                condition=Q(released_at__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"held line {self.pk}"


class Adjustment(models.Model):
    """A correction of stock by staff. Its lines are the ledger entries with its id as reference."""

    id = models.UUIDField(primary_key=True, default=new_id)
    actor = models.UUIDField()
    reason = models.CharField(max_length=MAX_WORD_LENGTH)
    at = models.DateTimeField()
    note = models.CharField(
        _("note"), max_length=MAX_TEXT_LENGTH, blank=True, default="", db_default=""
    )

    class Meta:
        db_table = "adjustment"
        verbose_name = _("adjustment")
        verbose_name_plural = _("adjustments")

    def __str__(self) -> str:
        about = f"{gettext(self.reason)}: {self.note}" if self.note else gettext(self.reason)
        return capfirst(Truncator(about).chars(TITLE_LENGTH))


class CountedProduct(models.Model):
    """A product in the running count of a member of staff (`actor`). `on_shelf`: the units of the
    stock when it was counted last. `is_moved`: whether these changed between two scans."""

    id = models.BigAutoField(primary_key=True)
    actor = models.UUIDField()
    product = models.ForeignKey(Stock, on_delete=models.PROTECT, db_index=False)
    counted = models.IntegerField()
    on_shelf = models.BigIntegerField()
    is_moved = models.BooleanField(default=False)
    at = models.DateTimeField()

    class Meta:
        db_table = "counted_product"
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=["actor", "product"], name="counted_product_once"),
            models.CheckConstraint(condition=Q(counted__gte=0), name="counted_product_counted"),
        )

    @property
    def difference(self) -> int:
        """The units that the count found more, or fewer if negative."""
        return self.counted - self.on_shelf

    @property
    def is_large(self) -> bool:
        """Whether the difference is above LARGE_DIFFERENCE per cent of the units on the shelf, and
        the product is not to be counted again."""
        return not self.is_moved and abs(self.difference) * 100 > LARGE_DIFFERENCE * self.on_shelf


class LedgerEntry(models.Model):
    """A change of stock. A trigger makes the table append-only for every role. `cause` is one of
    CAUSES or the reason of an adjustment; `reference` the id of an order event or an adjustment."""

    id = models.BigAutoField(primary_key=True)
    product = models.ForeignKey(
        Stock, on_delete=models.PROTECT, db_index=False, db_constraint=False
    )
    available_change = models.IntegerField()
    committed_change = models.BigIntegerField()
    available_after = models.IntegerField()
    committed_after = models.BigIntegerField()
    cause = models.CharField(max_length=MAX_WORD_LENGTH)
    reference = models.CharField(_("reference"), max_length=MAX_CODE_LENGTH)
    actor = models.UUIDField()
    at = models.DateTimeField()

    class Meta:
        db_table = "ledger_entry"
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger entries")
        constraints = (
            # References ascend, so that concurrent entries are in the same page of the index.
            models.UniqueConstraint(
                fields=["reference", "product", "cause"], name="ledger_entry_once"
            ),
            models.CheckConstraint(
                condition=Q(available_after__gte=0, committed_after__gte=0),
                name="ledger_entry_balances",
            ),
        )
        indexes = (models.Index(fields=["product", "id"], name="ledger_entry_history"),)

    def __str__(self) -> str:
        return gettext("ledger entry {}").format(self.pk)
