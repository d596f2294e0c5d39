import django.db.models.deletion
import django.db.models.functions.text
import larder.core.ids
import larder.db.fields
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models

from larder.db.database import move_to_schema


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("common", "0001_tables"),
        ("catalog", "0001_tables"),
        ("identity", "0001_tables"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Cart",
            fields=[
                (
                    "customer",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("order", models.UUIDField(null=True, unique=True)),
                ("number", models.BigIntegerField(null=True)),
                ("version", models.IntegerField(default=0)),
                ("lines", models.JSONField(default=list)),
                ("created_at", models.DateTimeField(null=True)),
                ("updated_at", models.DateTimeField(null=True)),
                ("ended", models.UUIDField(null=True)),
            ],
            options={
                "db_table": "cart",
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        condition=models.Q(("order__isnull", False)),
                        fields=["updated_at"],
                        name="cart_by_age",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("created_at__isnull", True),
                                ("lines", []),
                                ("number__isnull", True),
                                ("order__isnull", True),
                                ("updated_at__isnull", True),
                                ("version", 0),
                            ),
                            models.Q(
                                ("created_at__isnull", False),
                                ("number__isnull", False),
                                ("order__isnull", False),
                                ("updated_at__isnull", False),
                                ("version__gte", 1),
                            ),
                            _connector="OR",
                        ),
                        name="cart_present_or_not",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=larder.core.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                (
                    "number",
                    larder.db.fields.IdentityNumber(
                        editable=False, unique=True, verbose_name="number"
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "pending"),
                            ("expired", "expired"),
                            ("placed", "placed"),
                            ("packed", "packed"),
                            ("shipped", "shipped"),
                            ("delivered", "delivered"),
                            ("cancelled", "cancelled"),
                            ("returned", "returned"),
                        ],
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                (
                    "total",
                    models.DecimalField(decimal_places=3, max_digits=24, verbose_name="total"),
                ),
                ("note", models.CharField(blank=True, default="", max_length=2000)),
                ("reference", models.CharField(blank=True, default="", max_length=200)),
                ("ship_to", models.JSONField(blank=True, null=True)),
                (
                    "requested_for",
                    models.DateField(blank=True, null=True, verbose_name="requested for"),
                ),
                ("created_at", models.DateTimeField()),
                ("placed_at", models.DateTimeField(verbose_name="placed at")),
                ("updated_at", models.DateTimeField()),
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
                ("transaction_id", larder.db.fields.TransactionId(editable=False)),
                ("expires_at", models.DateTimeField(editable=False, null=True)),
                ("confirmed_at", models.DateTimeField(editable=False, null=True)),
                ("authorised", models.BigIntegerField(editable=False, null=True)),
                ("captured", models.BigIntegerField(editable=False, null=True)),
                ("refunded", models.BigIntegerField(editable=False, null=True)),
                ("disputed", models.BigIntegerField(editable=False, null=True)),
                ("carrier", models.CharField(blank=True, db_default="", default="", max_length=64)),
                (
                    "tracking_number",
                    models.CharField(blank=True, db_default="", default="", max_length=64),
                ),
                ("units", models.BigIntegerField(db_default=0, default=0, editable=False)),
            ],
            options={
                "verbose_name": "order",
                "verbose_name_plural": "orders",
                "db_table": "order",
                "permissions": (
                    ("confirm_order", "Can confirm orders that await their payment"),
                    ("cancel_order", "Can cancel orders"),
                    ("pack_order", "Can pack orders"),
                    ("ship_order", "Can ship orders"),
                    ("deliver_order", "Can mark orders as delivered"),
                    ("return_order", "Can book returned units"),
                    ("export_order", "Can export the orders of all customers"),
                ),
            },
        ),
        migrations.CreateModel(
            name="OrderEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=larder.core.ids.new_id, primary_key=True, serialize=False
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
                        db_constraint=False,
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
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="orders.order",
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="catalog.product",
                    ),
                ),
                ("placed_at", models.DateTimeField(editable=False)),
                ("ordered", models.IntegerField(blank=True, editable=False, null=True)),
                (
                    "tax_rate",
                    models.DecimalField(decimal_places=2, editable=False, max_digits=5, null=True),
                ),
            ],
            options={
                "db_table": "order_line",
            },
        ),
        migrations.CreateModel(
            name="Payment",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("order", models.UUIDField(null=True)),
                ("provider", models.CharField(max_length=40)),
                ("kind", models.CharField(max_length=40)),
                ("transaction_id", models.CharField(max_length=200)),
                ("intent", models.CharField(default="", max_length=200)),
                ("amount", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("at", models.DateTimeField()),
                ("recorded_at", models.DateTimeField()),
                ("actor", models.UUIDField()),
                ("reference", models.CharField(db_default="", default="", max_length=200)),
                ("note", models.CharField(db_default="", default="", max_length=2000)),
            ],
            options={
                "db_table": "payment",
                "permissions": (("record_payment", "Can record payments of orders"),),
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["order", "id"], name="payment_of_order"),
                    models.Index(
                        condition=models.Q(("intent", ""), _negated=True),
                        fields=["provider", "intent"],
                        name="payment_of_intent",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("provider", "kind", "transaction_id"), name="payment_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount__gte", 1), ("amount__lte", 1000000000000000)),
                        name="payment_amount",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "authorised",
                                    "authorisation_released",
                                    "captured",
                                    "failed",
                                    "refunded",
                                    "refund_failed",
                                    "disputed",
                                    "dispute_won",
                                ],
                            )
                        ),
                        name="payment_kind",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RefundDue",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("order", models.UUIDField(verbose_name="order")),
                ("currency", models.CharField(max_length=3)),
                ("amount", models.BigIntegerField()),
                ("since", models.DateTimeField()),
            ],
            options={
                "verbose_name": "refund due",
                "verbose_name_plural": "refunds due",
                "db_table": "refund_due",
                "default_permissions": ("view",),
                "indexes": [models.Index(fields=["since", "id"], name="refund_due_by_age")],
                "constraints": [
                    models.UniqueConstraint(fields=("order", "currency"), name="refund_due_once"),
                    models.CheckConstraint(
                        condition=models.Q(("amount__gte", 1)), name="refund_due_amount"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SalesChange",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField()),
                ("product", models.BigIntegerField()),
                ("type", models.CharField(max_length=20)),
                ("at", models.DateTimeField()),
                ("sku", models.CharField(max_length=64)),
                ("name", models.CharField(max_length=1024)),
                ("unit_price", models.DecimalField(decimal_places=3, max_digits=12)),
                (
                    "tax_rate",
                    models.DecimalField(decimal_places=2, editable=False, max_digits=5, null=True),
                ),
                ("quantity", models.IntegerField()),
                ("gross", models.DecimalField(decimal_places=0, max_digits=24)),
                ("net", models.DecimalField(decimal_places=0, max_digits=24, null=True)),
                ("returned", models.IntegerField()),
                ("returned_gross", models.DecimalField(decimal_places=0, max_digits=24)),
                ("returned_net", models.DecimalField(decimal_places=0, max_digits=24, null=True)),
                (
                    "order",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orders.order",
                    ),
                ),
            ],
            options={
                "db_table": "sales_change",
                "default_permissions": (),
            },
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["customer", "placed_at", "id"], name="order_history"),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["placed_at", "id"], name="order_search"),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["status", "placed_at", "id"], name="order_by_status"),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["customer", "transaction_id", "number"], name="order_feed"),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("reference", ""), _negated=True),
                fields=["reference", "placed_at", "id"],
                name="order_search_by_reference",
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("status", "pending")),
                fields=["expires_at", "id"],
                name="order_expiry",
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("confirmed_at__isnull", False)),
                fields=["confirmed_at"],
                name="order_confirmed",
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("status", "placed"), ("updated_at__gt", models.F("placed_at"))),
                fields=["customer", "updated_at"],
                name="order_changed",
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(
                    ("requested_for__isnull", False), ("status__in", ["placed", "packed"])
                ),
                fields=["requested_for"],
                name="order_due",
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                django.db.models.functions.text.Upper("tracking_number"),
                condition=models.Q(("tracking_number", ""), _negated=True),
                name="order_by_tracking_number",
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
                            "pending",
                            "expired",
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
                condition=models.Q(models.Q(models.Q(("status__in", ["pending", "expired"]), _negated=True), models.Q(("expires_at__isnull", False), _negated=True), models.Q(("confirmed_at__isnull", False), _negated=True)), models.Q(models.Q(("status__in", ["pending", "expired"]), _negated=True), ("expires_at__isnull", False), ("confirmed_at__isnull", False)), models.Q(models.Q(("status__in", ["pending", "expired"]), ("status", "cancelled"), _connector="OR"), ("expires_at__isnull", False), models.Q(("confirmed_at__isnull", False), _negated=True)), _connector="OR"),
                name="order_hold",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("authorised__isnull", True),
                        ("captured__isnull", True),
                        ("disputed__isnull", True),
                        ("refunded__isnull", True),
                    ),
                    models.Q(
                        ("authorised__gte", 0),
                        ("authorised__isnull", False),
                        ("captured__gte", 0),
                        ("captured__isnull", False),
                        ("disputed__gte", 0),
                        ("disputed__isnull", False),
                        ("refunded__gte", 0),
                        ("refunded__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="order_payment_sums",
            ),
        ),
        migrations.AddIndex(
            model_name="orderevent",
            index=models.Index(fields=["order", "position"], name="order_event_history"),
        ),
        migrations.AddIndex(
            model_name="orderevent",
            index=models.Index(fields=["transaction_id", "position"], name="order_event_feed"),
        ),
        migrations.AddConstraint(
            model_name="orderevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "from_status__in",
                        [
                            "",
                            "draft",
                            "pending",
                            "expired",
                            "placed",
                            "packed",
                            "shipped",
                            "delivered",
                            "cancelled",
                            "returned",
                        ],
                    ),
                    (
                        "to_status__in",
                        [
                            "draft",
                            "pending",
                            "expired",
                            "placed",
                            "packed",
                            "shipped",
                            "delivered",
                            "cancelled",
                            "returned",
                        ],
                    ),
                ),
                name="order_event_statuses",
            ),
        ),
        migrations.AddIndex(
            model_name="orderline",
            index=models.Index(fields=["product", "placed_at", "order"], name="order_line_search"),
        ),
        migrations.AddConstraint(
            model_name="orderline",
            constraint=models.UniqueConstraint(fields=("order", "product"), name="order_line_once"),
        ),
        migrations.AddConstraint(
            model_name="orderline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("quantity__gte", 1), ("returned__gte", 0), ("unit_price__gte", Decimal("0"))
                ),
                name="order_line_amounts",
            ),
        ),
        migrations.AddConstraint(
            model_name="orderline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ordered__isnull", True),
                    ("ordered__gt", models.F("quantity")),
                    _connector="OR",
                ),
                name="order_line_ordered",
            ),
        ),
        migrations.AddConstraint(
            model_name="orderline",
            constraint=models.CheckConstraint(
                condition=models.Q(("returned__lte", models.F("quantity"))),
                name="order_line_returned",
            ),
        ),
        migrations.AddConstraint(
            model_name="orderline",
            constraint=models.CheckConstraint(
                condition=models.Q(("tax_rate__gte", 0), ("tax_rate__lte", 100)),
                name="order_line_tax_rate",
            ),
        ),
        migrations.AddIndex(
            model_name="saleschange",
            index=models.Index(fields=["order", "id"], name="sales_change_of_order"),
        ),
        migrations.AddIndex(
            model_name="saleschange",
            index=models.Index(fields=["at", "id"], name="sales_change_by_time"),
        ),
        move_to_schema(
            "orders",
            "cart",
            "order",
            "order_event",
            "order_line",
            "payment",
            "refund_due",
            "sales_change",
        ),
    ]
