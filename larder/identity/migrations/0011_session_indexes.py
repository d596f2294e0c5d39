from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # For the indexes: they are built beside a shop that is open.
    atomic = False

    dependencies = [("identity", "0010_session_epoch")]

    operations = [
        AddIndexConcurrently(
            model_name="customer",
            index=models.Index(
                condition=models.Q(("epoch_raised_at__isnull", False)),
                fields=["epoch_raised_at"],
                name="customer_epoch_raised",
            ),
        ),
        AddIndexConcurrently(
            model_name="session",
            index=models.Index(
                fields=["customer", "epoch", "ended_at"], name="session_of_account"
            ),
        ),
        RemoveIndexConcurrently(model_name="session", name="session_of_customer"),
    ]
