from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    # The index is built while the shop is open.
    atomic = False

    dependencies = [("orders", "0016_tracking")]

    operations = [
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(
                Upper("tracking_number"),
                name="order_by_tracking_number",
                condition=models.Q(("tracking_number", ""), _negated=True),
            ),
        ),
    ]
