import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import larder.core.ids
from larder.db.database import move_to_schema, run_file


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0002_rules"),
        ("identity", "0002_rules"),
        ("relay", "0001_tables"),
    ]

    operations = [
        migrations.CreateModel(
            name="Device",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=larder.core.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("credential", models.UUIDField(db_index=True, null=True)),
                ("kind", models.CharField(max_length=10)),
                ("address", models.CharField(max_length=1024)),
                ("keys", models.JSONField(default=dict)),
                ("registered_at", models.DateTimeField()),
            ],
            options={
                "db_table": "device",
                "default_permissions": (),
                "indexes": [models.Index(fields=["customer", "id"], name="device_of_customer")],
                "constraints": [
                    models.UniqueConstraint(fields=["address"], name="device_address")
                ],
            },
        ),
        migrations.CreateModel(
            name="Watch",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "customer",
                        "product",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="catalog.product"
                    ),
                ),
            ],
            options={
                "db_table": "watch",
                "default_permissions": (),
            },
        ),
        move_to_schema("notifications", "device", "watch"),
        run_file(__file__, "devices.sql"),
    ]
