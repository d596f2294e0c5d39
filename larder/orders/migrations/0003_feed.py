from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

import larder.db.fields

# Whoever changes a placed order puts it anew into the feed of its customer. New orders are put
# there by the column's default, so placing them runs no trigger; drafts are in no feed.
TELL = """
CREATE FUNCTION orders.tell_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.transaction_id := pg_current_xact_id();
    RETURN NEW;
END $$;
CREATE TRIGGER tell_change BEFORE UPDATE ON orders."order"
FOR EACH ROW WHEN (NEW.placed_at IS NOT NULL) EXECUTE FUNCTION orders.tell_change();
"""

FORGET = "DROP FUNCTION orders.tell_change() CASCADE"


class Migration(migrations.Migration):
    # For the index: it is built beside a shop that is open.
    atomic = False

    dependencies = [("orders", "0002_history")]

    operations = [
        # No row is written: the default is a stable function, so what is there already has the
        # transaction of this statement. Copies made before it expire: the feed's table is another.
        migrations.AddField(
            model_name="order",
            name="transaction_id",
            field=larder.db.fields.TransactionId(editable=False),
        ),
        migrations.RunSQL(TELL, FORGET),
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(
                fields=["customer", "transaction_id", "number"],
                name="order_feed",
                condition=models.Q(("placed_at__isnull", False)),
            ),
        ),
    ]
