from django.db import migrations, models

from larder.db.database import move_to_schema


class Migration(migrations.Migration):
    dependencies = [("orders", "0020_tax_rate")]

    operations = [
        migrations.CreateModel(
            name="RefusedOrders",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "day",
                        "code",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("day", models.DateField()),
                ("code", models.CharField(max_length=64)),
                ("number", models.BigIntegerField()),
            ],
            options={"db_table": "refused_orders", "default_permissions": ()},
        ),
        move_to_schema("orders", "refused_orders"),
    ]
