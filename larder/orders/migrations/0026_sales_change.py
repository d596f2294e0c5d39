import django.db.models.deletion
from django.db import migrations, models

from larder.db.database import move_to_schema

APPEND_ONLY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON orders.sales_change
FOR EACH ROW EXECUTE FUNCTION orders.refuse_change();
"""

# Orders with a hold that were confirmed before count from then on, as they are now. What else
# changed before stays where it was counted: in the period in which the order was placed.
CONFIRMED = """
INSERT INTO orders.sales_change (order_id, version, product, type, at, sku, name, unit_price, tax_rate,
       quantity, gross, net, returned, returned_gross, returned_net)
SELECT order_id, version, product_id, 'confirmed', at, sku, name, unit_price, tax_rate, quantity, gross,
       div(2 * gross * 10000 + rate, 2 * rate), returned, gross - kept,
       div(2 * gross * 10000 + rate, 2 * rate) - div(2 * kept * 10000 + rate, 2 * rate)
FROM (
    SELECT line.*, 10000 + tax_rate * 100 AS rate,
           (round(sum(sold) OVER lines, decimals)
            - round(sum(sold) OVER lines - sold, decimals)) * 10::numeric ^ digits AS gross,
           (round(sum(left_over) OVER lines, decimals)
            - round(sum(left_over) OVER lines - left_over, decimals)) * 10::numeric ^ digits AS kept
    FROM (
        SELECT order_line.*, version, confirmed.at, unit_price * quantity AS sold, digits,
               unit_price * (quantity - returned) AS left_over, least(digits, 2) AS decimals
        FROM (
            SELECT order_id, max(at) AS at FROM orders.order_event WHERE type = 'confirmed'
            GROUP BY order_id
        ) AS confirmed
        JOIN orders."order" ON "order".id = confirmed.order_id
        JOIN orders.order_line ON order_line.order_id = "order".id
        CROSS JOIN LATERAL (SELECT CASE
            WHEN currency IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF',
                              'UGX', 'VND', 'VUV', 'XAF', 'XOF', 'XPF') THEN 0
            WHEN currency IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN 3
            ELSE 2 END) AS minor (digits)
        WHERE status NOT IN ('cancelled', 'pending', 'expired')
    ) AS line
    WINDOW lines AS (PARTITION BY order_id ORDER BY id)
) AS counted
"""


def _minor_units(**options: object) -> models.Field:
    return models.DecimalField(decimal_places=0, max_digits=24, **options)


class Migration(migrations.Migration):
    dependencies = [("orders", "0025_order_tags")]

    operations = [
        migrations.CreateModel(
            name="SalesChange",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField()),
                ("product", models.BigIntegerField()),
                ("type", models.CharField(max_length=20)),
                ("at", models.DateTimeField()),
                ("sku", models.CharField(max_length=64)),
                ("name", models.CharField(max_length=1024)),
                ("unit_price", models.DecimalField(decimal_places=3, max_digits=12)),
                (
                    "tax_rate",
                    models.DecimalField(
                        decimal_places=2, editable=False, max_digits=5, null=True
                    ),
                ),
                ("quantity", models.IntegerField()),
                ("gross", _minor_units()),
                ("net", _minor_units(null=True)),
                ("returned", models.IntegerField()),
                ("returned_gross", _minor_units()),
                ("returned_net", _minor_units(null=True)),
                (
                    "order",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orders.order",
                    ),
                ),
            ],
            options={
                "db_table": "sales_change",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["order", "id"], name="sales_change_of_order"),
                    models.Index(fields=["at", "id"], name="sales_change_by_time"),
                ],
            },
        ),
        move_to_schema("orders", "sales_change"),
        migrations.RunSQL(CONFIRMED, migrations.RunSQL.noop),
        migrations.RunSQL(APPEND_ONLY, "DROP TRIGGER append_only ON orders.sales_change"),
    ]
