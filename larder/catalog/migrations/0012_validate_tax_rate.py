from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    # Rows are read while the shop is open, without a lock against writes.
    atomic = False

    dependencies = [("catalog", "0011_tax_rate")]

    operations = [ValidateConstraint(model_name="product", name="product_tax_rate")]
