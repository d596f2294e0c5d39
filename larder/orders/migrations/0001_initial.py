import django.db.models.deletion
import larder.db.fields
import larder.core.ids
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models

from larder.db.database import move_to_schema

# What happened to an order is never rewritten, by any role.
APPEND_ONLY = """
CREATE FUNCTION orders.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON orders.order_event
FOR EACH ROW EXECUTE FUNCTION orders.refuse_change();
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("common", "0001_schemas"),
        ("catalog", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Order",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=larder.core.ids.new_id,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "number",
                    larder.db.fields.IdentityNumber(editable=False, unique=True),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("placed", "Placed"),
                            ("packed", "Packed"),
                            ("shipped", "Shipped"),
                            ("delivered", "Delivered"),
                            ("cancelled", "Cancelled"),
                            ("returned", "Returned"),
                        ],
                        max_length=10,
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("total", models.DecimalField(decimal_places=3, max_digits=24)),
                ("note", models.CharField(blank=True, default="", max_length=2000)),
                ("reference", models.CharField(blank=True, default="", max_length=200)),
                ("ship_to", models.JSONField(blank=True, null=True)),
                ("requested_for", models.DateField(blank=True, null=True)),
                ("created_at", models.DateTimeField()),
                ("placed_at", models.DateTimeField(null=True)),
                ("updated_at", models.DateTimeField()),
                ("lines_fingerprint", models.BinaryField(null=True)),
                ("rest_fingerprint", models.BinaryField(null=True)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="orders",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "order",
            },
        ),
        migrations.CreateModel(
            name="OrderEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=larder.core.ids.new_id,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("type", models.CharField(max_length=20)),
                ("from_status", models.CharField(max_length=10)),
                ("to_status", models.CharField(max_length=10)),
                ("actor", models.UUIDField()),
                ("at", models.DateTimeField()),
                ("data", models.JSONField(default=dict)),
                ("transaction_id", larder.db.fields.TransactionId(editable=False)),
                ("position", larder.db.fields.IdentityNumber(editable=False)),
                (
                    "order",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="orders.order",
                    ),
                ),
            ],
            options={
                "db_table": "order_event",
            },
        ),
        migrations.CreateModel(
            name="OrderLine",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("sku", models.CharField(max_length=64)),
                ("name", models.CharField(max_length=1024)),
                ("unit_price", models.DecimalField(decimal_places=3, max_digits=12)),
                ("quantity", models.IntegerField()),
                ("returned", models.IntegerField(db_default=0, default=0)),
                (
                    "order",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="orders.order",
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="catalog.product",
                    ),
                ),
            ],
            options={
                "db_table": "order_line",
            },
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("placed_at__isnull", False)),
                fields=["customer", "placed_at", "id"],
                name="order_history",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(("total__gte", Decimal("0"))), name="order_total"
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        [
                            "draft",
                            "placed",
                            "packed",
                            "shipped",
                            "delivered",
                            "cancelled",
                            "returned",
                        ],
                    )
                ),
                name="order_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("placed_at__isnull", True), ("status", "draft")),
                    models.Q(
                        models.Q(("status", "draft"), _negated=True),
                        ("placed_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="order_placed_at",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "draft")),
                fields=("customer",),
                name="order_one_draft",
            ),
        ),
        migrations.AddIndex(
            model_name="orderevent",
            index=models.Index(
                fields=["order", "position"], name="order_event_history"
            ),
        ),
        migrations.AddIndex(
            model_name="orderevent",
            index=models.Index(
                fields=["transaction_id", "position"], name="order_event_feed"
            ),
        ),
        migrations.AddConstraint(
            model_name="orderline",
            constraint=models.UniqueConstraint(
                fields=("order", "product"), name="order_line_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="orderline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("quantity__gte", 1),
                    ("returned__gte", 0),
                    ("unit_price__gte", Decimal("0")),
                ),
                name="order_line_amounts",
            ),
        ),
        move_to_schema("orders", "order", "order_line", "order_event"),
        migrations.RunSQL(APPEND_ONLY, "DROP FUNCTION orders.refuse_change() CASCADE"),
    ]
