from django.db import migrations, models

from larder.db.database import move_to_schema

# Records of payments are append-only for every role.
APPEND_ONLY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON orders.payment
FOR EACH ROW EXECUTE FUNCTION orders.refuse_change();
"""

PERMISSIONS = {
    ("record_payment", "payment"): "Can record payments of orders",
    ("view_refunddue", "refunddue"): "Can view refund due",
}
ROLES = ("support", "owner")


def add_permissions(apps, schema_editor):
    """Gives the permissions to the roles that handle customers' orders, where an owner has kept
    these roles. Django itself makes permissions only after the last migration."""
    database = schema_editor.connection.alias
    content_types = apps.get_model("contenttypes", "ContentType").objects.using(database)
    rows = apps.get_model("auth", "Permission").objects.using(database)
    groups = apps.get_model("auth", "Group").objects.using(database)
    for (codename, model), text in PERMISSIONS.items():
        kind, _ = content_types.get_or_create(app_label="orders", model=model)
        permission, _ = rows.get_or_create(
            content_type=kind, codename=codename, defaults={"name": text}
        )
        for group in groups.filter(name__in=ROLES):
            group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0010_holds"),
        ("identity", "0013_roles"),
    ]

    operations = [
        migrations.AddField(
            model_name="order",
            name="authorised",
            field=models.BigIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="order",
            name="captured",
            field=models.BigIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="order",
            name="refunded",
            field=models.BigIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="order",
            name="disputed",
            field=models.BigIntegerField(editable=False, null=True),
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
                        condition=models.Q(("amount__gte", 1), ("amount__lte", 10**15)),
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
                ("order", models.UUIDField()),
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
        move_to_schema("orders", "payment", "refund_due"),
        migrations.RunSQL(APPEND_ONLY, "DROP TRIGGER append_only ON orders.payment"),
        migrations.RunPython(add_permissions, migrations.RunPython.noop),
    ]
