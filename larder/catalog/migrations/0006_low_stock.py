from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    # The index is built while the shop is open.
    atomic = False

    dependencies = [("catalog", "0005_place_and_threshold")]

    operations = [
        AddIndexConcurrently(
            model_name="product",
            index=models.Index(
                fields=["id"],
                name="product_by_low_stock",
                condition=Q(archived_at=None) & Q(low_stock_threshold__isnull=False),
            ),
        ),
    ]
