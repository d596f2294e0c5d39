from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0019_validate_payment_sums")]

    operations = [
        # Null: no row is written, and servers of the running version insert lines while the column
        # is already there. Products have a checked rate.
        migrations.AddField(
            model_name="orderline",
            name="tax_rate",
            field=models.DecimalField(
                decimal_places=2, editable=False, max_digits=5, null=True
            ),
        ),
    ]
