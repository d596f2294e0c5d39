from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("orders", "0023_validate_tax_and_statuses")]

    operations = [
        AddIndexConcurrently(
            "order",
            models.Index(
                fields=["customer", "expires_at"], name="order_held", condition=Q(status="pending")
            ),
        ),
    ]
