import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.text
import larder.core.ids
from decimal import Decimal
from django.db import migrations, models

from larder.db.database import move_to_schema

# Every run of three letters of a text: what makes "contains" a question for an index. In plain
# SQL, because the extension pg_trgm is not everywhere. The cost keeps the planner from calling
# it row by row where the index can answer.
TRIGRAMS = """
CREATE FUNCTION catalog.trigrams(text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $$
    SELECT coalesce(array_agg(DISTINCT substr($1, start, 3)), '{}')
    FROM generate_series(1, length($1) - 2) AS start
$$;
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("common", "0001_schemas"),
    ]

    operations = [
        migrations.RunSQL(TRIGRAMS, "DROP FUNCTION catalog.trigrams(text)"),
        migrations.CreateModel(
            name="Category",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=200)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="catalog.category",
                    ),
                ),
            ],
            options={
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
                    models.UUIDField(
                        default=larder.core.ids.new_id, editable=False, unique=True
                    ),
                ),
                (
                    "sku",
                    models.CharField(max_length=64, unique=True, verbose_name="SKU"),
                ),
                ("name", models.CharField(max_length=1024)),
                ("description", models.TextField(blank=True, default="")),
                (
                    "price",
                    models.DecimalField(
                        decimal_places=3, help_text="Net, a unit.", max_digits=12
                    ),
                ),
                (
                    "unit",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="piece, kg, case of 6",
                        max_length=40,
                    ),
                ),
                ("barcode", models.CharField(blank=True, default="", max_length=64)),
                ("image_url", models.URLField(blank=True, default="", max_length=500)),
                (
                    "min_quantity",
                    models.IntegerField(
                        default=1, help_text="The fewest units of an order line."
                    ),
                ),
                (
                    "max_per_order",
                    models.IntegerField(
                        blank=True,
                        help_text="The most units of an order line; empty for no limit.",
                        null=True,
                    ),
                ),
                (
                    "step",
                    models.IntegerField(
                        default=1, help_text="Order lines are multiples of this."
                    ),
                ),
                ("archived_at", models.DateTimeField(editable=False, null=True)),
                ("created_at", models.DateTimeField(editable=False)),
                ("updated_at", models.DateTimeField(editable=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "search_text",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.functions.text.Lower(
                            django.db.models.functions.text.Concat(
                                "name", models.Value(" "), "sku"
                            )
                        ),
                        output_field=models.TextField(),
                    ),
                ),
                (
                    "category",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="catalog.category",
                    ),
                ),
            ],
            options={
                "db_table": "product",
                "indexes": [
                    models.Index(
                        condition=models.Q(("archived_at", None)),
                        fields=["name", "id"],
                        name="product_by_name",
                    ),
                    models.Index(
                        condition=models.Q(("archived_at", None)),
                        fields=["price", "id"],
                        name="product_by_price",
                    ),
                    models.Index(
                        condition=models.Q(("archived_at", None)),
                        fields=["category", "id"],
                        name="product_by_category",
                    ),
                    django.contrib.postgres.indexes.GinIndex(
                        models.Func(models.F("search_text"), function="trigrams"),
                        name="product_by_trigram",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("price__gte", Decimal("0"))),
                        name="product_price",
                    ),
                    models.CheckConstraint(
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
                ],
            },
        ),
        move_to_schema("catalog", "category", "product"),
    ]
