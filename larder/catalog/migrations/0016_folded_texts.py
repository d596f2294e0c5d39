from django.db import migrations, models
from django.db.models import F, Value
from django.db.models.fields.generated import GeneratedField
from django.db.models.functions import Concat

from larder.db.fields import Fold

# SKUs that were different before and are equal when folded are kept: all but one have a number. A
# product on sale goes before an archived one, and then the oldest.
KEEP_TWINS = """
UPDATE catalog.product SET sku_twin = number FROM (
    SELECT id, row_number() OVER (
        PARTITION BY common.fold(sku) ORDER BY archived_at IS NOT NULL, id
    ) - 1 AS number
    FROM catalog.product
) AS numbered
WHERE numbered.id = product.id AND number > 0
"""


class Migration(migrations.Migration):
    # The column is made again in one lock of the table, so that a server of before finds one too.
    # Searches read all rows until the next migration has built the index.
    dependencies = [
        ("catalog", "0015_product_by_tag"),
        ("common", "0006_fold"),
    ]

    operations = [
        migrations.RemoveIndex("product", "product_by_trigram"),
        migrations.RemoveField("product", "search_text"),
        migrations.AddField(
            "product",
            "search_text",
            GeneratedField(
                db_persist=True,
                expression=Concat(Fold("name"), Value("\n"), Fold("sku"), output_field=models.TextField()),
                output_field=models.TextField(db_collation="C"),
            ),
        ),
        migrations.AddField(
            "product",
            "sku_twin",
            models.SmallIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.RunSQL(KEEP_TWINS, migrations.RunSQL.noop),
        migrations.AddConstraint(
            "product",
            models.UniqueConstraint(Fold("sku"), F("sku_twin"), name="product_sku_unique"),
        ),
    ]
