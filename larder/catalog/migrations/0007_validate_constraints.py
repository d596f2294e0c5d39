from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    # Rows are read while the shop is open, without a lock against writes.
    atomic = False

    dependencies = [("catalog", "0006_low_stock")]

    operations = [
        ValidateConstraint(model_name="product", name="product_step"),
        ValidateConstraint(model_name="product", name="product_low_stock_threshold"),
    ]
