import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    # The index is built while the shop is open.
    atomic = False

    dependencies = [("catalog", "0014_tags")]

    operations = [
        AddIndexConcurrently(
            model_name="product",
            index=django.contrib.postgres.indexes.GinIndex(fields=["tags"], name="product_by_tag"),
        ),
    ]
