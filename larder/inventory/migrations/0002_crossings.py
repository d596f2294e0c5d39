from django.db import migrations

# Going in or out of stock is told by the catalogue's feed; each unit sold is not. The condition
# is looked at without calling the function, so that an order that leaves some pays nothing.
TELL = """
CREATE FUNCTION inventory.tell_crossing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO catalog.product_change (product_id) VALUES (NEW.product_id);
    RETURN NULL;
END $$;
CREATE TRIGGER tell_crossing AFTER UPDATE ON inventory.stock
FOR EACH ROW WHEN ((OLD.available = 0) <> (NEW.available = 0))
EXECUTE FUNCTION inventory.tell_crossing();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0001_initial"),
        ("catalog", "0002_product_change"),
    ]

    operations = [
        migrations.RunSQL(TELL, "DROP FUNCTION inventory.tell_crossing() CASCADE"),
    ]
