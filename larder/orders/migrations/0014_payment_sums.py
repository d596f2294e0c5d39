from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations
from django.db.models import CheckConstraint, Q


class Migration(migrations.Migration):
    dependencies = [("orders", "0013_due")]

    operations = [
        AddConstraintNotValid(
            model_name="order",
            constraint=CheckConstraint(
                condition=Q(
                    authorised__isnull=True,
                    captured__isnull=True,
                    refunded__isnull=True,
                    disputed__isnull=True,
                )
                | Q(
                    authorised__isnull=False,
                    authorised__gte=0,
                    captured__isnull=False,
                    captured__gte=0,
                    refunded__isnull=False,
                    refunded__gte=0,
                    disputed__isnull=False,
                    disputed__gte=0,
                ),
                name="order_payment_sums",
            ),
        ),
    ]
