import django.db.models.deletion
from django.db import migrations, models

# A foreign key is checked by locking the row it leads to, which writes to its page. The stock of
# what is ordered is locked and written by the same transaction, the product itself is not: of an
# order in a shop of a million products that was a third of the log (docs/explain/performance.md, "Growth").
# Every stock row has its product, so a line has one as well.
STOCK = "order_line_product_id_e620902d_fk_stock_product_id"
PRODUCT = "order_line_product_id_e620902d_fk_product_id"


def lead_to(target: str, name: str, instead_of: str) -> list[str]:
    """Lines that are there are looked at beside a shop that is open."""
    return [
        f"ALTER TABLE orders.order_line DROP CONSTRAINT IF EXISTS {instead_of}, "
        f"DROP CONSTRAINT IF EXISTS {name}, ADD CONSTRAINT {name} FOREIGN KEY (product_id) "
        f"REFERENCES {target} DEFERRABLE INITIALLY DEFERRED NOT VALID",
        f"ALTER TABLE orders.order_line VALIDATE CONSTRAINT {name}",
    ]


class Migration(migrations.Migration):
    # Each statement by itself: the second one takes as long as the table is large.
    atomic = False

    dependencies = [("orders", "0006_growth"), ("inventory", "0004_weaker_locks")]

    operations = [
        migrations.RunSQL(
            lead_to("inventory.stock (product_id)", STOCK, PRODUCT),
            lead_to("catalog.product (id)", PRODUCT, STOCK),
            state_operations=[
                migrations.AlterField(
                    model_name="orderline",
                    name="product",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="catalog.product",
                    ),
                )
            ],
        )
    ]
