from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Concat

from larder.db.fields import Fold


class Migration(migrations.Migration):
    # For the index: it is built beside a shop that is open.
    atomic = False

    dependencies = [
        ("identity", "0026_setters_of_credentials"),
        ("common", "0006_fold"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="customer",
            index=GinIndex(
                models.Func(
                    Fold(
                        Concat(
                            *("username", models.Value(" "), "email", models.Value(" ")),
                            *("first_name", models.Value(" "), "last_name"),
                            output_field=models.TextField(),
                        )
                    ),
                    function="trigrams",
                ),
                name="customer_search",
            ),
        ),
        RemoveIndexConcurrently("customer", "customer_by_trigram"),
    ]
