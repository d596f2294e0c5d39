from django.db import migrations, models

from larder.db.database import move_to_schema


class Migration(migrations.Migration):
    dependencies = [("orders", "0011_payments")]

    operations = [
        migrations.CreateModel(
            name="SalesDay",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "day",
                        "currency",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("day", models.DateField()),
                ("currency", models.CharField(max_length=3)),
                ("orders", models.IntegerField()),
                ("cancelled", models.IntegerField()),
                ("revenue", models.DecimalField(decimal_places=3, max_digits=24)),
            ],
            options={"db_table": "sales_day", "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="ProductSales",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "day",
                        "product",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("day", models.DateField()),
                ("product", models.BigIntegerField()),
                ("units", models.BigIntegerField()),
            ],
            options={"db_table": "product_sales", "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="SalesMark",
            fields=[
                ("zone", models.CharField(max_length=200, primary_key=True, serialize=False)),
                ("epoch", models.CharField(max_length=200)),
                ("transaction_id", models.BigIntegerField()),
                ("number", models.BigIntegerField()),
                ("at", models.DateTimeField()),
            ],
            options={"db_table": "sales_mark", "default_permissions": ()},
        ),
        move_to_schema("orders", "sales_day", "product_sales", "sales_mark"),
    ]
