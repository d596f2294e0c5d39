from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

TRIM = """
UPDATE catalog.product SET barcode = btrim(barcode, E' \\t\\r\\n'), version = version + 1
WHERE barcode <> btrim(barcode, E' \\t\\r\\n')
"""


class Migration(migrations.Migration):
    # The index is built while the shop is open. It has archived products too: staff look for them.
    atomic = False

    dependencies = [("catalog", "0017_folded_indexes")]

    operations = [
        migrations.RunSQL(TRIM, migrations.RunSQL.noop),
        AddIndexConcurrently(
            "product",
            models.Index(
                fields=["barcode", "id"],
                name="product_by_code",
                condition=models.Q(barcode__gt=""),
            ),
        ),
        RemoveIndexConcurrently("product", "product_by_barcode"),
    ]
