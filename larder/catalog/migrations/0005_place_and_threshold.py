from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("catalog", "0004_step_and_barcode")]

    operations = [
        # With defaults of the database, or null: no row is written, and servers of the running
        # version insert products while the columns are already there.
        migrations.AddField(
            model_name="product",
            name="shelf_place",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Where it is in the warehouse, such as A-12-3. Customers do not see it.",
                max_length=64,
            ),
        ),
        migrations.AddField(
            model_name="product",
            name="low_stock_threshold",
            field=models.IntegerField(
                blank=True,
                help_text=(
                    "The stock is low at or below this number of available units; empty for never."
                ),
                null=True,
            ),
        ),
        # Every row has null, so none needs to be read for it.
        AddConstraintNotValid(
            model_name="product",
            constraint=models.CheckConstraint(
                condition=Q(low_stock_threshold__gte=0), name="product_low_stock_threshold"
            ),
        ),
    ]
