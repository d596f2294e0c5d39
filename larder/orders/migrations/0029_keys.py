import django.db.models.deletion
from django.db import migrations, models

# No placed order is deleted: lines and events lead to it without a foreign key (ADR 74).
NEVER_DELETED = """
CREATE FUNCTION orders.refuse_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a placed order is never deleted, and keeps its id'
    USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER never_deleted BEFORE DELETE OR UPDATE OF id ON orders."order"
FOR EACH ROW WHEN (OLD.placed_at IS NOT NULL) EXECUTE FUNCTION orders.refuse_deletion();
"""

STOCK = "order_line_product_id_e620902d_fk_stock_product_id"


class Migration(migrations.Migration):
    # One table at a time is locked, for a moment.
    atomic = False

    dependencies = [("orders", "0028_drop_order_held"), ("inventory", "0011_keys")]

    operations = [
        migrations.RunSQL(NEVER_DELETED, "DROP FUNCTION orders.refuse_deletion() CASCADE"),
        migrations.RunSQL(
            f"ALTER TABLE orders.order_line DROP CONSTRAINT {STOCK}",
            f"ALTER TABLE orders.order_line ADD CONSTRAINT {STOCK} FOREIGN KEY (product_id) "
            "REFERENCES inventory.stock (product_id) DEFERRABLE INITIALLY DEFERRED NOT VALID",
        ),
        migrations.AlterField(
            model_name="orderline",
            name="order",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="lines",
                to="orders.order",
            ),
        ),
        migrations.AlterField(
            model_name="orderevent",
            name="order",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="events",
                to="orders.order",
            ),
        ),
    ]
