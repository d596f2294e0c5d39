from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    # Rows are read while the shop is open, without a lock against writes.
    atomic = False

    dependencies = [("orders", "0022_line_tax_and_event_statuses")]

    operations = [
        ValidateConstraint(model_name="orderline", name="order_line_tax_rate"),
        ValidateConstraint(model_name="orderevent", name="order_event_statuses"),
    ]
