from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import F, Func, Q, Value


class Migration(migrations.Migration):
    # The index is built while the shop is open.
    atomic = False

    dependencies = [("catalog", "0008_picture")]

    operations = [
        AddIndexConcurrently(
            model_name="product",
            index=models.Index(
                Func(
                    F("image_url"),
                    Value("/([0-9a-f]{64})(?:-[0-9]+)?[.]webp$"),
                    function="substring",
                ),
                name="product_by_picture",
                condition=Q(image_url__gt=""),
            ),
        ),
    ]
