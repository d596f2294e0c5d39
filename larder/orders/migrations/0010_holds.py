from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    ValidateConstraint,
)
from django.db import migrations, models

STATUSES = (
    *("draft", "pending", "expired", "placed", "packed", "shipped", "delivered", "cancelled"),
    "returned",
)


class Migration(migrations.Migration):
    # For the index: it is built beside a shop that is open.
    atomic = False

    dependencies = [("orders", "0009_permissions"), ("inventory", "0005_held_lines")]

    operations = [
        migrations.AlterModelOptions(
            name="order",
            options={
                "permissions": (
                    ("confirm_order", "Can confirm orders that await their payment"),
                    ("cancel_order", "Can cancel orders"),
                    ("pack_order", "Can pack orders"),
                    ("ship_order", "Can ship orders"),
                    ("deliver_order", "Can mark orders as delivered"),
                    ("return_order", "Can book returned units"),
                    ("export_order", "Can export the orders of all customers"),
                )
            },
        ),
        migrations.AddField(
            model_name="order",
            name="expires_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="order",
            name="status",
            field=models.CharField(
                choices=[(one, one.capitalize()) for one in STATUSES], max_length=10
            ),
        ),
        # Old servers write no new status.
        migrations.RemoveConstraint(model_name="order", name="order_status"),
        AddConstraintNotValid(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", list(STATUSES))), name="order_status"
            ),
        ),
        ValidateConstraint(model_name="order", name="order_status"),
        AddConstraintNotValid(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status__in", ["pending", "expired"]), _negated=True),
                    ("expires_at__isnull", False),
                    _connector="OR",
                ),
                name="order_expires_at",
            ),
        ),
        ValidateConstraint(model_name="order", name="order_expires_at"),
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(
                fields=["expires_at", "id"],
                name="order_expiry",
                condition=models.Q(("status", "pending")),
            ),
        ),
    ]
