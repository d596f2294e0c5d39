from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    # Each by itself: the table is read, beside a shop that is open.
    atomic = False

    dependencies = [("orders", "0032_cart")]

    operations = [
        ValidateConstraint("order", "order_status"),
        ValidateConstraint("order", "order_placed_at"),
    ]
