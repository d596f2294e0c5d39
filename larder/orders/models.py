"""The tables of orders: orders with their lines, events and payments, carts, and sales."""

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from larder.core.ids import new_id
from larder.core.limits import (
    MAX_CODE_LENGTH,
    MAX_NAME_LENGTH,
    MAX_PAYMENT,
    MAX_SHORT_TEXT_LENGTH,
    MAX_SKU_LENGTH,
    MAX_TAX_RATE,
    MAX_TEXT_LENGTH,
    MAX_WORD_LENGTH,
    MONEY_DECIMALS,
    PRICE_DIGITS,
    TOTAL_DIGITS,
)
from larder.db.fields import IdentityNumber, TransactionId, tax_rate
from larder.orders import lifecycle
from larder.orders.payment_state import Balances, Kind


class OrderStatus(models.TextChoices):
    """The status of an order."""

    PENDING = lifecycle.PENDING, _("pending")
    EXPIRED = lifecycle.EXPIRED, _("expired")
    PLACED = lifecycle.PLACED, _("placed")
    PACKED = lifecycle.PACKED, _("packed")
    SHIPPED = lifecycle.SHIPPED, _("shipped")
    DELIVERED = lifecycle.DELIVERED, _("delivered")
    CANCELLED = lifecycle.CANCELLED, _("cancelled")
    RETURNED = lifecycle.RETURNED, _("returned")


PAYMENT_SUMS = ("authorised", "captured", "refunded", "disputed")
"""The columns of an order with the sums of its payments: all of them are set, or none."""

_UNCONFIRMED = Q(status__in=["pending", "expired"])
_HELD, _CONFIRMED = Q(expires_at__isnull=False), Q(confirmed_at__isnull=False)


class Order(models.Model):
    """An order of a customer. `total` and `units` are the sums of its lines. `expires_at` is the
    expiry of its hold, if it was placed with one; it stays when the order is confirmed, at
    `confirmed_at`.

    PAYMENT_SUMS are in minor units (payment_state.py); null for an order without payments.
    `transaction_id` is that of the last change, set by the trigger `tell_change`. With the number
    it is the position in the feed of the customer's orders.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    number = IdentityNumber(verbose_name=_("number"), unique=True, editable=False)
    customer = models.ForeignKey(
        "identity.Customer", on_delete=models.PROTECT, db_index=False, related_name="orders"
    )
    status = models.CharField(_("status"), max_length=10, choices=OrderStatus)
    currency = models.CharField(max_length=3)
    total = models.DecimalField(_("total"), max_digits=TOTAL_DIGITS, decimal_places=MONEY_DECIMALS)
    units = models.BigIntegerField(default=0, db_default=0, editable=False)
    note = models.CharField(max_length=MAX_TEXT_LENGTH, blank=True, default="")
    reference = models.CharField(max_length=MAX_SHORT_TEXT_LENGTH, blank=True, default="")
    ship_to = models.JSONField(null=True, blank=True)
    requested_for = models.DateField(_("requested for"), null=True, blank=True)
    created_at = models.DateTimeField()
    placed_at = models.DateTimeField(_("placed at"))
    updated_at = models.DateTimeField()
    version = models.IntegerField(default=1, editable=False)
    authorised = models.BigIntegerField(null=True, editable=False)
    captured = models.BigIntegerField(null=True, editable=False)
    refunded = models.BigIntegerField(null=True, editable=False)
    disputed = models.BigIntegerField(null=True, editable=False)
    transaction_id = TransactionId(editable=False)
    expires_at = models.DateTimeField(null=True, editable=False)
    confirmed_at = models.DateTimeField(null=True, editable=False)
    carrier = models.CharField(max_length=MAX_CODE_LENGTH, blank=True, default="", db_default="")
    tracking_number = models.CharField(
        max_length=MAX_CODE_LENGTH, blank=True, default="", db_default=""
    )

    class Meta:
        db_table = "order"
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        permissions = (
            ("confirm_order", "Can confirm orders that await their payment"),
            ("cancel_order", "Can cancel orders"),
            ("pack_order", "Can pack orders"),
            ("ship_order", "Can ship orders"),
            ("deliver_order", "Can mark orders as delivered"),
            ("return_order", "Can book returned units"),
            ("export_order", "Can export the orders of all customers"),
        )
        constraints = (
            models.CheckConstraint(condition=Q(total__gte=Decimal(0)), name="order_total"),
            models.CheckConstraint(condition=Q(status__in=OrderStatus.values), name="order_status"),
            models.CheckConstraint(
                condition=(~_UNCONFIRMED & ~_HELD & ~_CONFIRMED)
                | (~_UNCONFIRMED & _HELD & _CONFIRMED)
                | ((_UNCONFIRMED | Q(status="cancelled")) & _HELD & ~_CONFIRMED),
                name="order_hold",
            ),
            models.CheckConstraint(
                condition=Q(**{f"{name}__isnull": True for name in PAYMENT_SUMS})
                | Q(
                    **{f"{name}__isnull": False for name in PAYMENT_SUMS},
                    **{f"{name}__gte": 0 for name in PAYMENT_SUMS},
                ),
                name="order_payment_sums",
            ),
        )
        indexes = (
            models.Index(fields=["customer", "placed_at", "id"], name="order_history"),
            models.Index(fields=["placed_at", "id"], name="order_search"),
            models.Index(fields=["status", "placed_at", "id"], name="order_by_status"),
            models.Index(fields=["customer", "transaction_id", "number"], name="order_feed"),
            models.Index(
                fields=["reference", "placed_at", "id"],
                name="order_search_by_reference",
                condition=~Q(reference=""),
            ),
            models.Index(
                fields=["expires_at", "id"], name="order_expiry", condition=Q(status="pending")
            ),
            models.Index(fields=["confirmed_at"], name="order_confirmed", condition=_CONFIRMED),
            models.Index(
                fields=["customer", "updated_at"],
                name="order_changed",
                condition=Q(status="placed", updated_at__gt=F("placed_at")),
            ),
            models.Index(
                fields=["requested_for"],
                name="order_due",
                condition=Q(requested_for__isnull=False, status__in=["placed", "packed"]),
            ),
            models.Index(
                Upper("tracking_number"),
                name="order_by_tracking_number",
                condition=~Q(tracking_number=""),
            ),
        )

    def __str__(self) -> str:
        return gettext("order {}").format(self.number)

    @property
    def payments(self) -> Balances | None:
        """The sums of its payments; None without any."""
        sums = [getattr(self, name) for name in PAYMENT_SUMS]
        return None if self.captured is None else Balances(*sums)


class OrderLine(models.Model):
    """One product of an order, with its name, SKU, unit price and tax rate at the time of placing.

    `placed_at` is that of the order. `returned` counts returned units, `ordered` is the former
    quantity if fewer units were picked. Order and product have no foreign key (ADR 74).
    """

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, related_name="lines", db_index=False, db_constraint=False
    )
    product = models.ForeignKey(
        "catalog.Product",
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    sku = models.CharField(max_length=MAX_SKU_LENGTH)
    name = models.CharField(max_length=MAX_NAME_LENGTH)
    unit_price = models.DecimalField(max_digits=PRICE_DIGITS, decimal_places=MONEY_DECIMALS)
    quantity = models.IntegerField()
    ordered = models.IntegerField(null=True, blank=True, editable=False)
    returned = models.IntegerField(default=0, db_default=0)
    placed_at = models.DateTimeField(editable=False)
    tax_rate = tax_rate(editable=False)

    class Meta:
        db_table = "order_line"
        indexes = (
            models.Index(fields=["product", "placed_at", "order"], name="order_line_search"),
        )
        constraints = (
            models.UniqueConstraint(fields=["order", "product"], name="order_line_once"),
            models.CheckConstraint(
                condition=Q(quantity__gte=1, unit_price__gte=Decimal(0), returned__gte=0),
                name="order_line_amounts",
            ),
            models.CheckConstraint(
                condition=Q(ordered__isnull=True) | Q(ordered__gt=F("quantity")),
                name="order_line_ordered",
            ),
            models.CheckConstraint(
                condition=Q(returned__lte=F("quantity")), name="order_line_returned"
            ),
            models.CheckConstraint(
                condition=Q(tax_rate__gte=0, tax_rate__lte=MAX_TAX_RATE), name="order_line_tax_rate"
            ),
        )


class OrderEvent(models.Model):
    """A change of an order, with its actor and time. Append-only.

    With `transaction_id` and `position`, a reader misses no event that is committed late.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, related_name="events", db_index=False, db_constraint=False
    )
    type = models.CharField(max_length=20)
    from_status = models.CharField(max_length=10)
    to_status = models.CharField(max_length=10)
    actor = models.UUIDField()
    at = models.DateTimeField()
    data = models.JSONField(default=dict)
    transaction_id = TransactionId(editable=False)
    position = IdentityNumber(editable=False)

    class Meta:
        db_table = "order_event"
        constraints = (
            models.CheckConstraint(
                condition=Q(
                    from_status__in=["", lifecycle.DRAFT, *OrderStatus.values],
                    to_status__in=[lifecycle.DRAFT, *OrderStatus.values],
                ),
                name="order_event_statuses",
            ),
        )
        indexes = (
            models.Index(fields=["order", "position"], name="order_event_history"),
            models.Index(fields=["transaction_id", "position"], name="order_event_feed"),
        )


class Payment(models.Model):
    """A movement of money in minor units, as a provider or staff reported it. Append-only.

    `order` is the id that it named: of an order, or of one that was abandoned; null for a refund or
    a dispute whose payment is not known. `intent` belongs to all movements of one payment.
    `reference` and `note` are those of staff; the customer sees them.
    """

    id = models.BigAutoField(primary_key=True)
    order = models.UUIDField(null=True)
    provider = models.CharField(max_length=MAX_WORD_LENGTH)
    kind = models.CharField(max_length=MAX_WORD_LENGTH)
    transaction_id = models.CharField(max_length=MAX_SHORT_TEXT_LENGTH)
    intent = models.CharField(max_length=MAX_SHORT_TEXT_LENGTH, default="")
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    actor = models.UUIDField()
    reference = models.CharField(max_length=MAX_SHORT_TEXT_LENGTH, default="", db_default="")
    note = models.CharField(max_length=MAX_TEXT_LENGTH, default="", db_default="")

    class Meta:
        db_table = "payment"
        default_permissions = ()
        permissions = (("record_payment", "Can record payments of orders"),)
        constraints = (
            models.UniqueConstraint(
                fields=["provider", "kind", "transaction_id"], name="payment_once"
            ),
            models.CheckConstraint(
                condition=Q(amount__gte=1, amount__lte=MAX_PAYMENT), name="payment_amount"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in Kind]), name="payment_kind"
            ),
        )
        indexes = (
            models.Index(fields=["order", "id"], name="payment_of_order"),
            models.Index(
                fields=["provider", "intent"], name="payment_of_intent", condition=~Q(intent="")
            ),
        )


class RefundDue(models.Model):
    """What the shop has to pay back of an order, or to an id that was abandoned, in one currency,
    `since` a time. The row is deleted when nothing is due any more. `told` is the amount that was
    told last (larder/relay)."""

    id = models.BigAutoField(primary_key=True)
    order = models.UUIDField(_("order"))
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField()
    since = models.DateTimeField()
    told = models.BigIntegerField(null=True, editable=False)

    class Meta:
        db_table = "refund_due"
        verbose_name = _("refund due")
        verbose_name_plural = _("refunds due")
        default_permissions = ("view",)
        constraints = (
            models.UniqueConstraint(fields=["order", "currency"], name="refund_due_once"),
            models.CheckConstraint(condition=Q(amount__gte=1), name="refund_due_amount"),
        )
        indexes = (models.Index(fields=["since", "id"], name="refund_due_by_age"),)


_CART = ("order", "number", "created_at", "updated_at")
"""The columns of a customer's row that are set while there is a cart."""


class Cart(models.Model):
    """The cart of a customer: one row, from the first cart on.

    `order` and `number` are those that it has as an order. Without a cart the version is 0. `lines`
    are those of queries/carts.py: StoredLine. `ended` is the cart that ended last.
    """

    customer = models.OneToOneField(
        "identity.Customer", on_delete=models.PROTECT, primary_key=True, related_name="+"
    )
    order = models.UUIDField(null=True, unique=True)
    number = models.BigIntegerField(null=True)
    version = models.IntegerField(default=0)
    lines = models.JSONField(default=list)
    created_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(null=True)
    ended = models.UUIDField(null=True)

    class Meta:
        db_table = "cart"
        default_permissions = ()
        constraints = (
            models.CheckConstraint(
                condition=Q(**{f"{name}__isnull": True for name in _CART}, version=0, lines=[])
                | Q(**{f"{name}__isnull": False for name in _CART}, version__gte=1),
                name="cart_present_or_not",
            ),
        )
        indexes = (
            models.Index(
                fields=["updated_at"], name="cart_by_age", condition=Q(order__isnull=False)
            ),
        )


def minor_units(**options: Any) -> "models.DecimalField[Any, Any]":
    """Returns a column of minor units. Those of the largest order are no bigint."""
    return models.DecimalField(max_digits=TOTAL_DIGITS, decimal_places=0, **options)


class SalesChange(models.Model):
    """A difference in what a line counts in the books, at the time of the event `type`, which gave
    the order this `version`. Append-only.

    Amounts are minor units of the order's currency (larder/core/money.py). `quantity`, `gross`
    and `net` are of what is sold, less what is cancelled; the others of what came back. An order
    counts as sold when it is placed; one with a hold from its confirmation, which is a change.
    """

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(
        "orders.Order", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    version = models.IntegerField()
    product = models.BigIntegerField()
    type = models.CharField(max_length=20)
    at = models.DateTimeField()
    sku = models.CharField(max_length=MAX_SKU_LENGTH)
    name = models.CharField(max_length=MAX_NAME_LENGTH)
    unit_price = models.DecimalField(max_digits=PRICE_DIGITS, decimal_places=MONEY_DECIMALS)
    tax_rate = tax_rate(editable=False)
    quantity = models.IntegerField()
    gross = minor_units()
    net = minor_units(null=True)
    returned = models.IntegerField()
    returned_gross = minor_units()
    returned_net = minor_units(null=True)

    class Meta:
        db_table = "sales_change"
        default_permissions = ()
        indexes = (
            models.Index(fields=["order", "id"], name="sales_change_of_order"),
            models.Index(fields=["at", "id"], name="sales_change_by_time"),
        )
