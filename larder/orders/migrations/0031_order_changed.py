from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    # The index is made while the shop is open.
    atomic = False

    dependencies = [("orders", "0030_indexes")]

    operations = [
        AddIndexConcurrently(
            "order",
            models.Index(
                fields=["customer", "updated_at"],
                name="order_changed",
                condition=Q(status="placed", updated_at__gt=F("placed_at")),
            ),
        ),
    ]
