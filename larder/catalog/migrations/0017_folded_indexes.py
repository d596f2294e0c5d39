from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models import F, Func, Value
from django.db.models.functions import Left


class Migration(migrations.Migration):
    # The indexes are built while the shop is open.
    atomic = False

    dependencies = [("catalog", "0016_folded_texts")]

    operations = [
        AddIndexConcurrently(
            "product", GinIndex(Func(F("search_text"), function="trigrams"), name="product_search")
        ),
        AddIndexConcurrently(
            "product",
            models.Index(
                Left(
                    Func(
                        F("search_text"),
                        Value("\n"),
                        Value(1),
                        function="split_part",
                        output_field=models.TextField(),
                    ),
                    256,
                ),
                "id",
                name="product_in_order",
                condition=models.Q(archived_at=None),
            ),
        ),
        RemoveIndexConcurrently("product", "product_by_name"),
    ]
