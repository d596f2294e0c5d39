import django.db.models.deletion
from django.db import migrations, models

from larder.db.database import move_to_schema


class Migration(migrations.Migration):
    dependencies = [("inventory", "0008_validate_ledger_balances")]

    operations = [
        migrations.CreateModel(
            name="CountedProduct",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("actor", models.UUIDField()),
                ("counted", models.IntegerField()),
                ("on_shelf", models.BigIntegerField()),
                ("is_moved", models.BooleanField(default=False)),
                ("at", models.DateTimeField()),
                (
                    "product",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="inventory.stock",
                    ),
                ),
            ],
            options={
                "db_table": "counted_product",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("actor", "product"), name="counted_product_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("counted__gte", 0)), name="counted_product_counted"
                    ),
                ],
            },
        ),
        move_to_schema("inventory", "counted_product"),
    ]
