from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently
from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    # For the index: it is built beside a shop that is open.
    atomic = False

    dependencies = [("catalog", "0003_compaction")]

    operations = [
        # Not for the rows that are there: a product that nobody can order is no reason not to
        # start. Whoever changes it next is told.
        AddConstraintNotValid(
            model_name="product",
            constraint=models.CheckConstraint(
                condition=Q(max_per_order=None)
                | Q(min_quantity__lte=F("max_per_order") / F("step") * F("step")),
                name="product_step",
                violation_error_message=(
                    "No multiple of the step lies between the fewest and the most units."
                ),
            ),
        ),
        AddIndexConcurrently(
            model_name="product",
            index=models.Index(
                fields=["barcode", "id"],
                name="product_by_barcode",
                condition=Q(archived_at=None) & Q(barcode__gt=""),
            ),
        ),
    ]
