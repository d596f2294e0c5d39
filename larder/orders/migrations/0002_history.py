from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

# A line has the moment of its order, so that the history of a product is one walk of an index.
# The statements that place orders write it themselves; this is for every other writer, and does
# nothing where the moment is there already.
KEEP = """
CREATE FUNCTION orders.date_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE orders.order_line AS line SET placed_at = placed.placed_at FROM orders."order" AS placed
    WHERE line.id = NEW.id AND placed.id = NEW.order_id AND placed.placed_at IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER date_line AFTER INSERT ON orders.order_line
FOR EACH ROW WHEN (NEW.placed_at IS NULL) EXECUTE FUNCTION orders.date_line();

CREATE FUNCTION orders.date_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE orders.order_line SET placed_at = NEW.placed_at
    WHERE order_id = NEW.id AND placed_at IS DISTINCT FROM NEW.placed_at;
    RETURN NULL;
END $$;
CREATE TRIGGER date_lines AFTER UPDATE OF placed_at ON orders."order"
FOR EACH ROW WHEN (OLD.placed_at IS DISTINCT FROM NEW.placed_at)
EXECUTE FUNCTION orders.date_lines();
"""

FORGET = """
DROP FUNCTION orders.date_line() CASCADE;
DROP FUNCTION orders.date_lines() CASCADE;
"""

# In parts, each committed: a shop that is open meanwhile waits for no more than one of them.
FILL = """
DO $$
DECLARE
    part CONSTANT bigint := 20000;
    last bigint := (SELECT coalesce(max(id), 0) FROM orders.order_line);
    first bigint := (SELECT coalesce(min(id), 1) FROM orders.order_line);
BEGIN
    WHILE first <= last LOOP
        UPDATE orders.order_line AS line SET placed_at = placed.placed_at
        FROM orders."order" AS placed
        WHERE line.id BETWEEN first AND first + part - 1 AND placed.id = line.order_id
          AND line.placed_at IS DISTINCT FROM placed.placed_at;
        COMMIT;
        first := first + part;
    END LOOP;
END $$;
"""

PLACED = models.Q(("placed_at__isnull", False))


class Migration(migrations.Migration):
    # For the indexes: they are built beside a shop that is open.
    atomic = False

    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="orderline",
            name="placed_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.RunSQL(KEEP, FORGET),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name="orderline",
            index=models.Index(fields=["product", "placed_at", "order"], name="order_line_search"),
        ),
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(
                fields=["customer", "status", "placed_at", "id"],
                name="order_history_by_status",
                condition=PLACED,
            ),
        ),
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(fields=["placed_at", "id"], name="order_search", condition=PLACED),
        ),
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(
                fields=["status", "placed_at", "id"],
                name="order_search_by_status",
                condition=PLACED,
            ),
        ),
        migrations.AlterField(
            model_name="orderline",
            name="product",
            field=models.ForeignKey(
                db_index=False,
                on_delete=models.deletion.PROTECT,
                related_name="+",
                to="catalog.product",
            ),
        ),
    ]
