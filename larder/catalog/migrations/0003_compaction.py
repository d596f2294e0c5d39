from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # For the index: it is built beside a shop that is open.
    atomic = False

    dependencies = [("catalog", "0002_product_change")]

    operations = [
        AddIndexConcurrently(
            model_name="productchange",
            index=models.Index(
                fields=["product", "transaction_id", "position"], name="product_change_of"
            ),
        ),
    ]
