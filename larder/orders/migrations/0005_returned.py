from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models


class Migration(migrations.Migration):
    # The lines that are there are looked at under a lock that lets a shop be open.
    atomic = False

    dependencies = [("orders", "0004_picked_and_referenced")]

    operations = [
        AddConstraintNotValid(
            model_name="orderline",
            constraint=models.CheckConstraint(
                condition=models.Q(("returned__lte", models.F("quantity"))),
                name="order_line_returned",
            ),
        ),
        ValidateConstraint(model_name="orderline", name="order_line_returned"),
    ]
