from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # The index is built while the shop is open.
    atomic = False

    dependencies = [("orders", "0012_sales")]

    operations = [
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(
                fields=["requested_for"],
                name="order_due",
                condition=models.Q(
                    ("requested_for__isnull", False), ("status__in", ["placed", "packed"])
                ),
            ),
        ),
    ]
