"""Products and the tree of categories."""

from decimal import Decimal

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.fields.generated import GeneratedField
from django.db.models.functions import Concat, Left
from django.utils.translation import gettext_lazy as _

from larder.catalog.search import SORTED_LENGTH
from larder.core.ids import new_id
from larder.core.limits import (
    MAX_CODE_LENGTH,
    MAX_NAME_LENGTH,
    MAX_SHORT_TEXT_LENGTH,
    MAX_SKU_LENGTH,
    MAX_TAX_RATE,
    MAX_UNIT_NAME_LENGTH,
    MAX_WEB_ADDRESS_LENGTH,
    MONEY_DECIMALS,
    PRICE_DIGITS,
)
from larder.db.fields import Fold, TransactionId, tax_rate

_LISTED = Q(archived_at=None)


class Category(models.Model):
    """A category of products. `parent` makes the tree."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(_("name"), max_length=MAX_SHORT_TEXT_LENGTH)
    parent = models.ForeignKey(
        "self", verbose_name=_("parent"), on_delete=models.PROTECT, null=True, blank=True
    )
    version = models.IntegerField(default=1, editable=False)

    class Meta:
        db_table = "category"
        verbose_name = _("category")
        verbose_name_plural = _("categories")

    def __str__(self) -> str:
        return self.name


def by_name(product: str = "") -> Left:
    """Returns what sorts products by name. `product` is the lookup to them, such as "product__"."""
    first_line = (F(f"{product}search_text"), Value("\n"), Value(1))
    name = Func(*first_line, function="split_part", output_field=models.TextField())
    return Left(name, SORTED_LENGTH)


class Product(models.Model):
    """A product that can be ordered. It is archived, never deleted, because orders refer to it."""

    id = models.BigAutoField(primary_key=True)
    public_id = models.UUIDField(unique=True, default=new_id, editable=False)
    sku = models.CharField(_("SKU"), max_length=MAX_SKU_LENGTH, unique=True)
    name = models.CharField(_("name"), max_length=MAX_NAME_LENGTH)
    description = models.TextField(_("description"), blank=True, default="")
    category = models.ForeignKey(
        Category, verbose_name=_("category"), on_delete=models.PROTECT, null=True, blank=True
    )
    price = models.DecimalField(_("price"), max_digits=PRICE_DIGITS, decimal_places=MONEY_DECIMALS)
    unit = models.CharField(_("unit"), max_length=MAX_UNIT_NAME_LENGTH, blank=True, default="")
    barcode = models.CharField(_("barcode"), max_length=MAX_CODE_LENGTH, blank=True, default="")
    image_url = models.URLField(
        _("image url"), max_length=MAX_WEB_ADDRESS_LENGTH, blank=True, default=""
    )
    min_quantity = models.IntegerField(
        _("min quantity"), default=1, help_text=_("The fewest units of an order line.")
    )
    max_per_order = models.IntegerField(
        _("max per order"),
        null=True,
        blank=True,
        help_text=_("The most units of an order line; empty for no limit."),
    )
    step = models.IntegerField(_("step"), default=1)
    tax_rate = tax_rate(verbose_name=_("tax rate"), blank=True)
    shelf_place = models.CharField(
        _("shelf place"),
        max_length=MAX_CODE_LENGTH,
        blank=True,
        default="",
        db_default="",
        help_text=_("Where it is in the warehouse, such as A-12-3. Customers do not see it."),
    )
    low_stock_threshold = models.IntegerField(
        _("low stock threshold"),
        null=True,
        blank=True,
        help_text=_(
            "The stock is low at or below this number of available units; empty for never."
        ),
    )
    archived_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(editable=False)
    updated_at = models.DateTimeField(editable=False)
    version = models.IntegerField(default=1, editable=False)
    # A trigger sets it at each change, for the feed of products.
    transaction_id = TransactionId(editable=False)
    # The folded name and, in a second line, the folded SKU.
    search_text = GeneratedField(
        expression=Concat(Fold("name"), Value("\n"), Fold("sku"), output_field=models.TextField()),
        output_field=models.TextField(db_collation="C"),
        db_persist=True,
    )

    class Meta:
        db_table = "product"
        verbose_name = _("product")
        verbose_name_plural = _("products")
        constraints = (
            models.UniqueConstraint(Fold("sku"), name="product_sku_unique"),
            models.CheckConstraint(condition=Q(price__gte=Decimal(0)), name="product_price"),
            models.CheckConstraint(
                condition=Q(tax_rate__gte=0, tax_rate__lte=MAX_TAX_RATE), name="product_tax_rate"
            ),
            models.CheckConstraint(
                condition=Q(min_quantity__gte=1, step__gte=1)
                & (Q(max_per_order=None) | Q(max_per_order__gte=F("min_quantity"))),
                name="product_rules",
            ),
            models.CheckConstraint(
                condition=Q(low_stock_threshold__gte=0), name="product_low_stock_threshold"
            ),
            # Integer division truncates, so this is the largest multiple up to max_per_order.
            models.CheckConstraint(
                condition=Q(max_per_order=None)
                | Q(min_quantity__lte=F("max_per_order") / F("step") * F("step")),
                name="product_step",
            ),
        )
        indexes = (
            models.Index(by_name(), "id", name="product_in_order", condition=_LISTED),
            models.Index(fields=["price", "id"], name="product_by_price", condition=_LISTED),
            models.Index(fields=["category", "id"], name="product_by_category", condition=_LISTED),
            models.Index(
                fields=["barcode", "id"],
                name="product_by_code",
                condition=Q(barcode__gt=""),
            ),
            models.Index(fields=["transaction_id", "id"], name="product_feed"),
            models.Index(
                fields=["id"],
                name="product_by_low_stock",
                condition=_LISTED & Q(low_stock_threshold__isnull=False),
            ),
            GinIndex(Func(F("search_text"), function="trigrams"), name="product_search"),
        )

    def __str__(self) -> str:
        return f"{self.sku} {self.name}"
