from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    # Apart from 0014, whose lock against writes would last as long as the check of all rows.
    dependencies = [("orders", "0018_order_note")]

    operations = [ValidateConstraint(model_name="order", name="order_payment_sums")]
