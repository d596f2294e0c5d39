import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.text
import larder.core.ids
import larder.db.fields
from decimal import Decimal
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import F, Q

from larder.db.database import move_to_schema

# Returns every run of three letters of a text, so that an index answers "contains". It is plain
# SQL, because the extension pg_trgm is not always installed. The cost keeps the planner from
# calling it for each row where the index can answer.
TRIGRAMS = """
CREATE FUNCTION catalog.trigrams(text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $$
    SELECT coalesce(array_agg(DISTINCT substr($1, start, 3)), '{}')
    FROM generate_series(1, length($1) - 2) AS start
$$;
"""

# One insert for each statement, however many products the statement changes.
WRITE = """
CREATE FUNCTION catalog.write_product_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO catalog.product_change (product_id) SELECT id FROM written;
    RETURN NULL;
END $$;
CREATE TRIGGER write_new_products AFTER INSERT ON catalog.product
REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION catalog.write_product_changes();
CREATE TRIGGER write_product_changes AFTER UPDATE ON catalog.product
REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION catalog.write_product_changes();
"""


class Migration(migrations.Migration):
    initial = True

    replaces = [
        ("catalog", "0001_initial"),
        ("catalog", "0002_product_change"),
        ("catalog", "0003_compaction"),
        ("catalog", "0004_step_and_barcode"),
    ]

    dependencies = [
        ("common", "0001_squashed_0004_rate_limit"),
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
                    models.Index(
                        condition=models.Q(("archived_at", None), ("barcode__gt", "")),
                        fields=["barcode", "id"],
                        name="product_by_barcode",
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
        # Not validated: a product of an earlier version that breaks the rule can be kept as it is.
        AddConstraintNotValid(
            model_name="product",
            constraint=models.CheckConstraint(
                condition=Q(max_per_order=None)
                | Q(min_quantity__lte=F("max_per_order") / F("step") * F("step")),
                name="product_step",
                violation_error_message=(
                    "No multiple of the step lies between the fewest and the most units."
                ),
            ),
        ),
        migrations.CreateModel(
            name="ProductChange",
            fields=[
                ("position", models.BigAutoField(primary_key=True, serialize=False)),
                ("transaction_id", larder.db.fields.TransactionId(editable=False)),
                (
                    "product",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="catalog.product",
                    ),
                ),
            ],
            options={
                "db_table": "product_change",
                "indexes": [
                    models.Index(
                        fields=["transaction_id", "position"],
                        include=("product",),
                        name="product_change_feed",
                    ),
                    models.Index(
                        fields=["product", "transaction_id", "position"], name="product_change_of"
                    ),
                ],
            },
        ),
        move_to_schema("catalog", "category", "product", "product_change"),
        migrations.RunSQL(WRITE, "DROP FUNCTION catalog.write_product_changes() CASCADE"),
    ]
