import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.text
import larder.core.ids
import larder.db.fields
from decimal import Decimal
from django.db import migrations, models

from larder.db.database import move_to_schema


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("common", "0001_tables"),
    ]

    operations = [
        migrations.CreateModel(
            name="Category",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="catalog.category",
                        verbose_name="parent",
                    ),
                ),
            ],
            options={
                "verbose_name": "category",
                "verbose_name_plural": "categories",
                "db_table": "category",
            },
        ),
        migrations.CreateModel(
            name="Product",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "public_id",
                    models.UUIDField(default=larder.core.ids.new_id, editable=False, unique=True),
                ),
                ("sku", models.CharField(max_length=64, unique=True, verbose_name="SKU")),
                ("name", models.CharField(max_length=1024, verbose_name="name")),
                (
                    "description",
                    models.TextField(blank=True, default="", verbose_name="description"),
                ),
                (
                    "price",
                    models.DecimalField(
                        decimal_places=3,
                        max_digits=12,
                        verbose_name="price",
                    ),
                ),
                (
                    "unit",
                    models.CharField(
                        blank=True,
                        default="",
                        max_length=40,
                        verbose_name="unit",
                    ),
                ),
                (
                    "barcode",
                    models.CharField(blank=True, default="", max_length=64, verbose_name="barcode"),
                ),
                (
                    "image_url",
                    models.URLField(
                        blank=True, default="", max_length=500, verbose_name="image url"
                    ),
                ),
                (
                    "min_quantity",
                    models.IntegerField(
                        default=1,
                        help_text="The fewest units of an order line.",
                        verbose_name="min quantity",
                    ),
                ),
                (
                    "max_per_order",
                    models.IntegerField(
                        blank=True,
                        help_text="The most units of an order line; empty for no limit.",
                        null=True,
                        verbose_name="max per order",
                    ),
                ),
                (
                    "step",
                    models.IntegerField(
                        default=1,
                        verbose_name="step",
                    ),
                ),
                ("archived_at", models.DateTimeField(editable=False, null=True)),
                ("created_at", models.DateTimeField(editable=False)),
                ("updated_at", models.DateTimeField(editable=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                ("transaction_id", larder.db.fields.TransactionId(editable=False)),
                (
                    "category",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="catalog.category",
                        verbose_name="category",
                    ),
                ),
                (
                    "shelf_place",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="Where it is in the warehouse, such as A-12-3. Customers do not see it.",
                        max_length=64,
                        verbose_name="shelf place",
                    ),
                ),
                (
                    "low_stock_threshold",
                    models.IntegerField(
                        blank=True,
                        help_text="The stock is low at or below this number of available units; empty for never.",
                        null=True,
                        verbose_name="low stock threshold",
                    ),
                ),
                (
                    "tax_rate",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        max_digits=5,
                        null=True,
                        verbose_name="tax rate",
                    ),
                ),
                (
                    "search_text",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.functions.text.Concat(
                            larder.db.fields.Fold("name"),
                            models.Value("\n"),
                            larder.db.fields.Fold("sku"),
                            output_field=models.TextField(),
                        ),
                        output_field=models.TextField(db_collation="C"),
                    ),
                ),
            ],
            options={
                "verbose_name": "product",
                "verbose_name_plural": "products",
                "db_table": "product",
            },
        ),
        migrations.AddIndex(
            model_name="product",
            index=models.Index(
                django.db.models.functions.text.Left(
                    models.Func(
                        models.F("search_text"),
                        models.Value("\n"),
                        models.Value(1),
                        function="split_part",
                        output_field=models.TextField(),
                    ),
                    256,
                ),
                models.F("id"),
                condition=models.Q(("archived_at", None)),
                name="product_in_order",
            ),
        ),
        migrations.AddIndex(
            model_name="product",
            index=models.Index(
                condition=models.Q(("archived_at", None)),
                fields=["price", "id"],
                name="product_by_price",
            ),
        ),
        migrations.AddIndex(
            model_name="product",
            index=models.Index(
                condition=models.Q(("archived_at", None)),
                fields=["category", "id"],
                name="product_by_category",
            ),
        ),
        migrations.AddIndex(
            model_name="product",
            index=models.Index(
                condition=models.Q(("barcode__gt", "")),
                fields=["barcode", "id"],
                name="product_by_code",
            ),
        ),
        migrations.AddIndex(
            model_name="product",
            index=models.Index(fields=["transaction_id", "id"], name="product_feed"),
        ),
        migrations.AddIndex(
            model_name="product",
            index=models.Index(
                condition=models.Q(("archived_at", None), ("low_stock_threshold__isnull", False)),
                fields=["id"],
                name="product_by_low_stock",
            ),
        ),
        migrations.AddIndex(
            model_name="product",
            index=django.contrib.postgres.indexes.GinIndex(
                models.Func(models.F("search_text"), function="trigrams"), name="product_search"
            ),
        ),
        migrations.AddConstraint(
            model_name="product",
            constraint=models.UniqueConstraint(
                larder.db.fields.Fold("sku"), name="product_sku_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="product",
            constraint=models.CheckConstraint(
                condition=models.Q(("price__gte", Decimal("0"))), name="product_price"
            ),
        ),
        migrations.AddConstraint(
            model_name="product",
            constraint=models.CheckConstraint(
                condition=models.Q(("tax_rate__gte", 0), ("tax_rate__lte", 100)),
                name="product_tax_rate",
            ),
        ),
        migrations.AddConstraint(
            model_name="product",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("min_quantity__gte", 1),
                    ("step__gte", 1),
                    models.Q(
                        ("max_per_order", None),
                        ("max_per_order__gte", models.F("min_quantity")),
                        _connector="OR",
                    ),
                ),
                name="product_rules",
            ),
        ),
        migrations.AddConstraint(
            model_name="product",
            constraint=models.CheckConstraint(
                condition=models.Q(("low_stock_threshold__gte", 0)),
                name="product_low_stock_threshold",
            ),
        ),
        migrations.AddConstraint(
            model_name="product",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("max_per_order", None),
                    (
                        "min_quantity__lte",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                models.F("max_per_order"), "/", models.F("step")
                            ),
                            "*",
                            models.F("step"),
                        ),
                    ),
                    _connector="OR",
                ),
                name="product_step",
            ),
        ),
        move_to_schema("catalog", "category", "product"),
    ]
