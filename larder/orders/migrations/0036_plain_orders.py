from django.db import migrations, models
from django.db.models import Q

COUNT_UNITS = """
UPDATE orders."order" SET units = added.units FROM (
    SELECT order_id, sum(quantity) AS units FROM orders.order_line GROUP BY order_id
) AS added WHERE added.order_id = "order".id
"""

INDEXES = [
    models.Index(fields=["customer", "placed_at", "id"], name="order_history"),
    models.Index(fields=["placed_at", "id"], name="order_search"),
    models.Index(
        fields=["status", "placed_at", "id"],
        name="order_by_status",
        condition=~Q(status="delivered"),
    ),
    models.Index(fields=["customer", "transaction_id", "number"], name="order_feed"),
    models.Index(
        fields=["reference", "placed_at", "id"],
        name="order_search_by_reference",
        condition=~Q(reference=""),
    ),
]


class Migration(migrations.Migration):
    # Rows that were written are not altered in the same transaction.
    atomic = False

    dependencies = [("orders", "0035_notes")]

    operations = [
        *[
            migrations.DeleteModel(name)
            for name in ("ProductSales", "RefusedOrders", "SalesDay", "SalesMark")
        ],
        *[migrations.RemoveIndex("order", index.name) for index in INDEXES],
        migrations.RemoveField("order", "lines_fingerprint"),
        migrations.RemoveField("order", "rest_fingerprint"),
        migrations.AddField(
            "order", "units", models.BigIntegerField(default=0, db_default=0, editable=False)
        ),
        migrations.RunSQL(COUNT_UNITS, migrations.RunSQL.noop),
        migrations.AlterField("order", "placed_at", models.DateTimeField("placed at")),
        migrations.AlterField("orderline", "placed_at", models.DateTimeField(editable=False)),
        migrations.RemoveConstraint("order", "order_placed_at"),
        *[migrations.AddIndex("order", index) for index in INDEXES],
    ]
