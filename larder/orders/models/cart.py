"""The carts of customers."""

from django.db import models
from django.db.models import Q


class Cart(models.Model):
    """The cart of a customer: one row, from the first cart on.

    `order` and `number` are those that the cart has as an order; null without a cart, which then
    has version 0 and no lines. `lines` are objects with `id`, `product`, `quantity` and
    `unit_price`, the customer's price when the line was added, as text. `ended` is the cart that
    was submitted or deleted last.
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
                condition=Q(
                    order__isnull=True,
                    number__isnull=True,
                    created_at__isnull=True,
                    updated_at__isnull=True,
                    version=0,
                    lines=[],
                )
                | Q(
                    order__isnull=False,
                    number__isnull=False,
                    created_at__isnull=False,
                    updated_at__isnull=False,
                    version__gte=1,
                ),
                name="cart_present_or_not",
            ),
        )
        indexes = (
            models.Index(
                fields=["updated_at"], name="cart_by_age", condition=Q(order__isnull=False)
            ),
        )
