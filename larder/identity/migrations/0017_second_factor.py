import django.db.models.deletion
import larder.core.ids
from django.conf import settings
from django.db import migrations, models

from larder.db.database import move_to_schema


class Migration(migrations.Migration):
    dependencies = [("identity", "0016_key_limits")]

    operations = [
        migrations.CreateModel(
            name="SecondFactor",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=larder.core.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                ("kind", models.CharField(max_length=40)),
                ("name", models.CharField(blank=True, default="", max_length=100)),
                ("data", models.BinaryField()),
                ("counter", models.BigIntegerField(default=0)),
                ("created_at", models.DateTimeField()),
                ("last_used_at", models.DateTimeField(null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "db_table": "second_factor",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "totp")),
                        fields=("customer",),
                        name="second_factor_one_app",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="OneTimeCode",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=larder.core.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                ("purpose", models.CharField(max_length=40)),
                ("digest", models.BinaryField()),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(null=True)),
                ("used_at", models.DateTimeField(null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "one_time_code",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("customer", "digest"), name="one_time_code_unique"
                    )
                ],
            },
        ),
        move_to_schema("identity", "second_factor"),
        move_to_schema("identity", "one_time_code"),
    ]
