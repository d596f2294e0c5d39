import django.db.models.deletion
from django.db import migrations, models

from larder.db.database import move_to_schema


class Migration(migrations.Migration):
    dependencies = [("inventory", "0004_weaker_locks")]

    operations = [
        # Without a default: no row is written.
        migrations.AddField(
            model_name="stock",
            name="next_expiry",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.CreateModel(
            name="HeldLine",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("order", models.UUIDField()),
                ("event", models.UUIDField()),
                ("quantity", models.IntegerField()),
                ("expires_at", models.DateTimeField()),
                ("released_at", models.DateTimeField(null=True)),
                (
                    "product",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="inventory.stock",
                    ),
                ),
            ],
            options={
                "db_table": "held_line",
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        condition=models.Q(("released_at__isnull", True)),
                        fields=["product", "expires_at"],
                        name="held_line_expiry",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("order", "product"), name="held_line_once"),
                    models.CheckConstraint(
                        condition=models.Q(("quantity__gte", 1)), name="held_line_quantity"
                    ),
                ],
            },
        ),
        move_to_schema("inventory", "held_line"),
    ]
