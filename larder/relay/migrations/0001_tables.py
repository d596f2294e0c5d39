import django.contrib.postgres.fields

import larder.core.ids
from django.db import migrations, models

from larder.db.database import move_to_schema


class Migration(migrations.Migration):
    initial = True

    dependencies = [("notifications", "0001_tables")]

    operations = [
        migrations.CreateModel(
            name="Endpoint",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=larder.core.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                ("url", models.CharField(max_length=1024)),
                ("name", models.CharField(blank=True, default="", max_length=200)),
                (
                    "events",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40),
                        blank=True,
                        default=list,
                        size=None,
                    ),
                ),
                (
                    "secrets",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), size=2
                    ),
                ),
                ("owner", models.UUIDField()),
                ("created_at", models.DateTimeField()),
                ("failing_since", models.DateTimeField(null=True)),
                ("disabled_at", models.DateTimeField(null=True)),
                ("version", models.IntegerField(default=1)),
            ],
            options={
                "db_table": "webhook_endpoint",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="RelayMark",
            fields=[
                ("feed", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("epoch", models.CharField(max_length=200)),
                ("transaction_id", models.BigIntegerField()),
                ("number", models.BigIntegerField()),
            ],
            options={
                "db_table": "relay_mark",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="ToldStock",
            fields=[
                ("product", models.BigIntegerField(primary_key=True, serialize=False)),
                ("state", models.CharField(max_length=40)),
            ],
            options={
                "db_table": "told_stock",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("event", models.UUIDField()),
                ("type", models.CharField(max_length=40)),
                ("channel", models.CharField(max_length=10)),
                ("target", models.CharField(max_length=40)),
                ("object", models.CharField(max_length=40)),
                ("at", models.DateTimeField()),
                ("data", models.JSONField(default=dict)),
                ("attempts", models.IntegerField(db_default=0, default=0)),
                ("next_at", models.DateTimeField(null=True)),
                ("is_sent", models.BooleanField(db_default=False, default=False)),
                ("outcome", models.CharField(db_default="", default="", max_length=200)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "delivery",
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_at__isnull", False)),
                        fields=["channel", "target", "next_at", "id"],
                        name="delivery_due",
                    ),
                    models.Index(fields=["channel", "target", "id"], name="delivery_of_target"),
                ],
            },
        ),
        move_to_schema("notifications", "webhook_endpoint", "relay_mark", "told_stock", "delivery"),
    ]
