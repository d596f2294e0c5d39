from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("catalog", "0010_picture_in_use")]

    operations = [
        # Null: no row is written, and servers of the running version insert products while the
        # column is already there.
        migrations.AddField(
            model_name="product",
            name="tax_rate",
            field=models.DecimalField(
                blank=True,
                decimal_places=2,
                help_text=(
                    "Percent of tax in the price, such as 20; empty if none is known. "
                    "New orders keep it."
                ),
                max_digits=5,
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="product",
            name="price",
            field=models.DecimalField(
                decimal_places=3, help_text="Of one unit, tax included.", max_digits=12
            ),
        ),
        # Every row has null, so none needs to be read for it.
        AddConstraintNotValid(
            model_name="product",
            constraint=models.CheckConstraint(
                condition=Q(tax_rate__gte=0, tax_rate__lte=100), name="product_tax_rate"
            ),
        ),
    ]
