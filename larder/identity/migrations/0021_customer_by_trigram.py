from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Concat, Lower


class Migration(migrations.Migration):
    # For the index: it is built beside a shop that is open.
    atomic = False

    # The function trigrams is catalog's.
    dependencies = [
        ("identity", "0020_confirm_orders"),
        ("catalog", "0001_initial"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="customer",
            index=GinIndex(
                models.Func(
                    Lower(
                        Concat(
                            *("username", models.Value(" "), "email", models.Value(" ")),
                            *("first_name", models.Value(" "), "last_name"),
                            output_field=models.TextField(),
                        )
                    ),
                    function="trigrams",
                ),
                name="customer_by_trigram",
            ),
        ),
    ]
