from django.db import migrations, models

from larder.db.database import make_schemas, move_to_schema


class Migration(migrations.Migration):
    initial = True

    replaces = [
        ("common", "0001_schemas"),
        ("common", "0002_idempotency_key"),
        ("common", "0003_observation"),
        ("common", "0004_rate_limit"),
    ]

    dependencies: list[tuple[str, str]] = []

    operations = [
        make_schemas(),
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
            name="Observation",
            fields=[
                ("subject", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("found", models.JSONField()),
                ("at", models.DateTimeField()),
            ],
            options={"db_table": "observation"},
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
        # Rows change with every log-in. The free part of a page takes their next version.
        migrations.RunSQL(
            "ALTER TABLE rate_limit SET UNLOGGED; ALTER TABLE rate_limit SET (fillfactor = 70)",
            migrations.RunSQL.noop,
        ),
        move_to_schema("common", "idempotency_key", "observation", "rate_limit"),
    ]
