from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations
from django.db.models import CheckConstraint, Q

STATUSES = [
    *("draft", "pending", "expired", "placed", "packed"),
    *("shipped", "delivered", "cancelled", "returned"),
]


class Migration(migrations.Migration):
    dependencies = [("orders", "0021_refused_orders")]

    operations = [
        AddConstraintNotValid(
            model_name="orderline",
            constraint=CheckConstraint(
                condition=Q(tax_rate__gte=0, tax_rate__lte=100), name="order_line_tax_rate"
            ),
        ),
        AddConstraintNotValid(
            model_name="orderevent",
            constraint=CheckConstraint(
                condition=Q(from_status__in=["", *STATUSES], to_status__in=STATUSES),
                name="order_event_statuses",
            ),
        ),
    ]
