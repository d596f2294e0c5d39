from django.db import migrations, models

from larder.db.database import make_schemas, move_to_schema, run_file


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        make_schemas(),
        run_file(__file__, "functions.sql"),
        migrations.CreateModel(
            name="KeptFile",
            fields=[
                ("actor", models.UUIDField(primary_key=True, serialize=False)),
                ("file", models.UUIDField()),
                ("content", models.BinaryField()),
                ("fingerprint", models.CharField(max_length=40)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "kept_file",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Observation",
            fields=[
                ("subject", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("found", models.JSONField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "db_table": "observation",
            },
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "actor",
                        "operation",
                        "key",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("actor", models.UUIDField()),
                ("operation", models.CharField(max_length=200)),
                ("key", models.CharField(max_length=255)),
                ("fingerprint", models.BinaryField()),
                ("result", models.TextField(db_default="", default="")),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "idempotency_key",
                "indexes": [
                    models.Index(
                        condition=models.Q(("expires_at__isnull", False)),
                        fields=["expires_at"],
                        name="idempotency_key_expiry",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RateLimit",
            fields=[
                ("key", models.UUIDField(primary_key=True, serialize=False)),
                ("until", models.DateTimeField()),
            ],
            options={
                "db_table": "rate_limit",
                "indexes": [models.Index(fields=["until"], name="rate_limit_until")],
            },
        ),
        move_to_schema("common", "kept_file", "observation", "idempotency_key", "rate_limit"),
    ]
