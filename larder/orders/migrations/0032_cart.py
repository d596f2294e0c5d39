from importlib import import_module

import django.db.models.deletion
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import Q

from larder.db.database import move_to_schema

BEGINNING = import_module("larder.orders.migrations.0001_squashed_0008_cart_end")

STATUSES = [
    *("pending", "expired", "placed", "packed", "shipped", "delivered", "cancelled", "returned"),
]

# The statements that place and change orders write the time of lines themselves.
DROP_TRIGGERS = """
DROP FUNCTION orders.end_cart() CASCADE;
DROP FUNCTION orders.date_line() CASCADE;
DROP FUNCTION orders.date_lines() CASCADE;
"""

# In one statement, so that no cart is lost or there twice.
MOVE_DRAFTS = """
WITH line AS (
    DELETE FROM orders.order_line USING orders."order" AS draft
    WHERE order_line.order_id = draft.id AND draft.status = 'draft'
    RETURNING order_id, order_line.id, product_id, quantity, unit_price
), draft AS (
    DELETE FROM orders."order" WHERE status = 'draft'
    RETURNING id, customer_id, number, version, created_at, updated_at
)
INSERT INTO orders.cart
       (customer_id, "order", number, version, created_at, updated_at, ended, lines)
SELECT customer_id, id, number, coalesce(version, 0), created_at, updated_at, cart_end.cart,
       coalesce((
           SELECT jsonb_agg(jsonb_build_object('id', line.id, 'product', product_id,
                            'quantity', quantity, 'unit_price', unit_price::text) ORDER BY line.id)
           FROM line WHERE line.order_id = draft.id
       ), '[]')
FROM draft FULL JOIN orders.cart_end USING (customer_id)
"""


class Migration(migrations.Migration):
    # One table at a time is locked, for a moment.
    atomic = False

    dependencies = [("orders", "0031_order_changed"), ("identity", "0020_confirm_orders")]

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
                        to="identity.customer",
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
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(
                            ("created_at__isnull", True),
                            ("lines", []),
                            ("number__isnull", True),
                            ("order__isnull", True),
                            ("updated_at__isnull", True),
                            ("version", 0),
                        )
                        | Q(
                            ("created_at__isnull", False),
                            ("number__isnull", False),
                            ("order__isnull", False),
                            ("updated_at__isnull", False),
                            ("version__gte", 1),
                        ),
                        name="cart_present_or_not",
                    )
                ],
                "indexes": [
                    models.Index(
                        condition=Q(("order__isnull", False)),
                        fields=["updated_at"],
                        name="cart_by_age",
                    )
                ],
            },
        ),
        move_to_schema("orders", "cart"),
        migrations.RunSQL(DROP_TRIGGERS, BEGINNING.DATE_LINES + BEGINNING.END_CART),
        migrations.RunSQL(MOVE_DRAFTS, migrations.RunSQL.noop),
        migrations.RunSQL(migrations.RunSQL.noop, "ALTER TABLE cart_end SET SCHEMA orders"),
        migrations.DeleteModel("CartEnd"),
        migrations.RemoveConstraint("order", "order_one_draft"),
        migrations.AlterField(
            "order",
            "status",
            models.CharField(choices=[(name, name.capitalize()) for name in STATUSES], max_length=10),
        ),
        migrations.RemoveConstraint("order", "order_status"),
        AddConstraintNotValid(
            "order",
            models.CheckConstraint(condition=Q(("status__in", STATUSES)), name="order_status"),
        ),
        migrations.RemoveConstraint("order", "order_placed_at"),
        AddConstraintNotValid(
            "order",
            models.CheckConstraint(
                condition=Q(("placed_at__isnull", False)), name="order_placed_at"
            ),
        ),
    ]
