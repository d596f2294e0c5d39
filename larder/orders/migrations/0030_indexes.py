from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("orders", "0029_keys")]

    operations = [
        AddIndexConcurrently(
            "order",
            models.Index(
                fields=["status", "placed_at", "id"],
                name="order_by_status",
                condition=Q(("placed_at__isnull", False), ~Q(status="delivered")),
            ),
        ),
        RemoveIndexConcurrently("order", "order_history_by_status"),
        RemoveIndexConcurrently("order", "order_search_by_status"),
        RemoveIndexConcurrently("order", "order_history_by_reference"),
    ]
