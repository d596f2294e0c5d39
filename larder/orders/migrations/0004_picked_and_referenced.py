from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    ValidateConstraint,
)
from django.db import migrations, models

# In words that the queries repeat. Orders without a reference are in neither index.
REFERENCED = models.Q(("placed_at__isnull", False), models.Q(("reference", ""), _negated=True))


class Migration(migrations.Migration):
    # For the indexes: they are built beside a shop that is open.
    atomic = False

    dependencies = [("orders", "0003_feed")]

    operations = [
        migrations.AddField(
            model_name="orderline",
            name="ordered",
            field=models.IntegerField(blank=True, editable=False, null=True),
        ),
        AddConstraintNotValid(
            model_name="orderline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ordered__isnull", True),
                    ("ordered__gt", models.F("quantity")),
                    _connector="OR",
                ),
                name="order_line_ordered",
            ),
        ),
        ValidateConstraint(model_name="orderline", name="order_line_ordered"),
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(
                fields=["customer", "reference", "placed_at", "id"],
                name="order_history_by_reference",
                condition=REFERENCED,
            ),
        ),
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(
                fields=["reference", "placed_at", "id"],
                name="order_search_by_reference",
                condition=REFERENCED,
            ),
        ),
    ]
